/// How a window slides over images `[n, height, width, channels]`: the geometry of convolution and pooling.
///
/// Output pixel `(i, j)` sees, at place `(a, b)` of the window, input pixel `(i * stride + a * dilation - padding, ..)`;
/// what lies outside the image is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Height and width of the images.
    pub image: [usize; 2],
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps from one place of the window to the next.
    pub stride: [usize; 2],
    /// Zeros added at each side.
    pub padding: [usize; 2],
    /// Distance between the pixels that the window sees.
    pub dilation: [usize; 2],
    /// Into how many equal groups channels are split, each convolved by itself; all of them for a depthwise product.
    pub groups: usize,
}

impl Window {
    /// A square window that moves pixel by pixel over images of this size, without padding, dilation or groups.
    pub fn new(image: [usize; 2], kernel: usize) -> Self {
        Self { image, kernel: [kernel; 2], stride: [1; 2], padding: [0; 2], dilation: [1; 2], groups: 1 }
    }

    /// The same with another stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride: [stride; 2], ..self }
    }

    /// The same with so many zeros at each side.
    pub fn padding(self, padding: usize) -> Self {
        Self { padding: [padding; 2], ..self }
    }

    /// The same in so many groups.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Height and width of the output; `None` if the window does not fit or an extent is zero.
    pub fn output(&self) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let padded = self.padding[axis].checked_mul(2)?.checked_add(self.image[axis])?;
            let reach = self.dilation[axis].checked_mul(self.kernel[axis].checked_sub(1)?)?.checked_add(1)?;
            let room = padded.checked_sub(reach)?;
            Some(room.checked_div(self.stride[axis])? + 1)
        };
        if self.dilation.contains(&0) || self.groups == 0 || self.image.contains(&0) {
            return None;
        }
        Some([along(0)?, along(1)?])
    }

    /// The input pixel along `axis` that output pixel `out` sees at place `tap` of the window, if it is in the image.
    pub fn source(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        let place = out * self.stride[axis] + tap * self.dilation[axis];
        place.checked_sub(self.padding[axis]).filter(|&place| place < self.image[axis])
    }

    /// Whether every output pixel sees its own part of the image, and all of it: patches cut side by side.
    pub fn tiles(&self) -> bool {
        let whole = |axis: usize| self.image[axis].is_multiple_of(self.kernel[axis]);
        self.stride == self.kernel && self.padding == [0; 2] && self.dilation == [1; 2] && whole(0) && whole(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way in which patches fail to be all of the image, side by side, along either axis.
    #[test]
    fn tiles_are_whole_and_side_by_side() {
        let whole = Window::new([6, 9], 3).stride(3);
        let wide = Window { kernel: [2, 3], stride: [2, 3], ..whole };
        for (window, tiles) in [
            (whole, true),
            (wide, true),
            (Window { kernel: [6, 9], stride: [6, 9], ..whole }, true),
            (Window { image: [7, 9], ..whole }, false),
            (Window { image: [6, 10], ..whole }, false),
            (Window { image: [6, 10], ..wide }, false),
            (Window { padding: [1, 0], ..whole }, false),
            (Window { padding: [0, 1], ..whole }, false),
            // With padding the patches may be whole where the image is not.
            (Window { image: [4, 9], padding: [1, 0], ..whole }, false),
            (Window { stride: [1, 3], ..whole }, false),
            (Window { stride: [3, 1], ..whole }, false),
            (Window { dilation: [2, 1], ..whole }, false),
            (Window { dilation: [1, 2], ..whole }, false),
        ] {
            assert_eq!(window.tiles(), tiles, "{window:?}");
        }
    }

    #[test]
    fn output_sizes() {
        assert_eq!(Window::new([32, 32], 3).padding(1).output(), Some([32, 32]));
        assert_eq!(Window::new([32, 30], 3).padding(1).stride(2).output(), Some([16, 15]));
        assert_eq!(Window::new([32, 32], 4).stride(4).output(), Some([8, 8]));
        assert_eq!(Window { dilation: [2, 3], ..Window::new([9, 9], 3) }.output(), Some([5, 3]));
        assert_eq!(Window::new([2, 9], 3).output(), None);
        assert_eq!(Window::new([9, 9], 3).stride(0).output(), None);
        assert_eq!(Window { padding: [usize::MAX; 2], ..Window::new([9, 9], 3) }.output(), None);
    }
}
