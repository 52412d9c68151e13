//! The order in which sums of lanes are added: a binary tree that depends on the number of lanes alone, so that whoever has the lanes of
//! a subtree, be it a thread or another process, can add them by itself and change no bit.

use std::ops::Range;

/// How many of `len` neighbours, 2 or more, are below the left branch: half of them, and the one that is left over.
pub(crate) fn left(len: usize) -> usize {
    len.div_ceil(2)
}

/// The items joined pair by pair as the tree has them; `None` of none.
pub(crate) fn fold<I, R>(items: &[I], value: &impl Fn(&I) -> R, join: &impl Fn(R, R) -> R) -> Option<R> {
    match items {
        [] => None,
        [item] => Some(value(item)),
        _ => {
            let (first, second) = items.split_at(left(items.len()));
            // Neither is empty.
            fold(first, value, join).zip(fold(second, value, join)).map(|(first, second)| join(first, second))
        }
    }
}

/// The lanes, of so many, that member `member` of `members` sums: those of a subtree. Both are halved alike, so with as many lanes as
/// members or a multiple of it by a power of two all have as many; with fewer lanes than members some have none.
///
/// # Panics
/// If there is no such member.
pub fn share(lanes: usize, member: usize, members: usize) -> Range<usize> {
    assert!(member < members, "expected a member below {members}, got {member}");
    if members == 1 {
        return 0..lanes;
    }
    let (near, half) = (left(members), lanes.div_ceil(2));
    if member < near {
        return share(half, member, near);
    }
    let lanes = share(lanes - half, member - near, members - near);
    half + lanes.start..half + lanes.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(lanes: &[usize]) -> String {
        fold(lanes, &usize::to_string, &|left, right| format!("({left} {right})")).unwrap_or_default()
    }

    #[test]
    fn the_tree_is_known() {
        let lanes: Vec<usize> = (0..7).collect();
        let found: Vec<String> = (0..=7).map(|len| nested(&lanes[..len])).collect();
        let expected = [
            "",
            "0",
            "(0 1)",
            "((0 1) 2)",
            "((0 1) (2 3))",
            "(((0 1) 2) (3 4))",
            "(((0 1) 2) ((3 4) 5))",
            "(((0 1) (2 3)) ((4 5) 6))",
        ];
        assert_eq!(found, expected);
    }

    /// Members that join their own subtrees as the tree of members has them get the tree of all lanes.
    #[test]
    fn shares_are_subtrees() {
        fn joined(lanes: &[usize], range: Range<usize>, members: Range<usize>, of: usize) -> String {
            let empty =
                |members: Range<usize>| members.map(|member| share(lanes.len(), member, of)).all(|s| s.is_empty());
            if members.len() == 1 {
                assert_eq!(share(lanes.len(), members.start, of), range);
                return nested(&lanes[range]);
            }
            let (near, half) = (members.start + left(members.len()), range.start + range.len().div_ceil(2));
            let first = joined(lanes, range.start..half, members.start..near, of);
            let second = joined(lanes, half..range.end, near..members.end, of);
            if empty(near..members.end) { first } else { format!("({first} {second})") }
        }
        for count in 1..40 {
            let lanes: Vec<usize> = (0..count).collect();
            for members in 1..20 {
                assert_eq!(joined(&lanes, 0..count, 0..members, members), nested(&lanes), "{count} over {members}");
            }
        }
    }

    #[test]
    fn powers_of_two_share_evenly() {
        for (lanes, members) in [(4, 4), (8, 2), (8, 8), (12, 4), (64, 16)] {
            assert!((0..members).all(|member| share(lanes, member, members).len() == lanes / members));
        }
        assert_eq!((0..8).map(|member| share(4, member, 8).len()).collect::<Vec<_>>(), [1, 0, 1, 0, 1, 0, 1, 0]);
    }
}
