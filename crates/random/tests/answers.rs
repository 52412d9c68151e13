//! What a seed gives, once and for all: the answers were printed by `rand` 0.10.4, `rand_chacha` 0.10.0 and `rand_distr` 0.6.0.

use onedge_random::Random;

#[test]
fn words_and_numbers() {
    let mut random = Random::new(0);
    assert_eq!([(); 4].map(|()| random.word()), [2811902828, 3045455719, 3134767159, 2001118559]);
    let mut random = Random::new(42).stream(7);
    assert_eq!([(); 2].map(|()| random.long()), [0x20e5_cc88_35be_27d0, 0x538a_68c1_6dbb_833d]);
    let mut random = Random::new(1).stream(2);
    assert_eq!([(); 3].map(|()| random.unit()), [0.8763941225053686, 0.6827408615312758, 0.3366663209760956]);
    let mut random = Random::new(1).stream(3);
    assert_eq!([(); 8].map(|()| random.flag()), [false, true, false, true, true, false, true, false]);
}

#[test]
fn indices_and_orders() {
    let mut random = Random::new(1).stream(4);
    let sizes = [10, 1000, 3_000_000_000, 1 << 40];
    assert_eq!(sizes.map(|size| random.range(3, size)), [5, 663, 227637657, 454985251579]);
    let mut order: Vec<usize> = (0..20).collect();
    Random::new(1).stream(6).shuffle(&mut order);
    assert_eq!(order, [1, 5, 13, 11, 19, 3, 0, 15, 6, 18, 9, 17, 7, 12, 4, 14, 10, 8, 2, 16]);
}

#[test]
fn normal_numbers() {
    let mut random = Random::new(1).stream(5);
    let first = [-0.25137992765492634, 1.4481444785724202, -0.5206927071841841, -0.8862369661319953];
    assert_eq!([(); 4].map(|()| random.normal()), first);
    // The first one of this stream beyond 3.66 comes from the tail.
    let mut random = Random::new(9).stream(9);
    let beyond = (0..).map(|number| (number, random.normal())).find(|(_, x)| x.abs() > 3.66);
    assert_eq!(beyond, Some((2372, -3.675098323485313)));
}
