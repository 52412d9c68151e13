use onedge_graph::{Shape, Window};

/// Elements of a tile of unfolded images, at most (unless one row of it is longer): half the L2 cache in f32.
const UNFOLDED: usize = 1 << 17;

/// Rows of such a tile, at least: for each tile the kernel is packed anew.
pub const LEAST_ROWS: usize = 128;

/// The sizes of a convolution or of one of its transposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Which of the three.
    pub role: Role,
    /// The geometry.
    pub window: Window,
    /// Images.
    pub images: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Channels of the output.
    pub filters: usize,
}

/// What of `y = conv2d(x, w)` is computed from the other two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// y from x and w.
    Output,
    /// x from y and w, by the transpose.
    Image,
    /// w from x and y, by the transpose.
    Kernel,
}

/// Rows of the unfolded images `first .. first + rows`: one for each output pixel of all images.
#[derive(Clone, Copy)]
pub struct Band {
    /// The first.
    pub first: usize,
    /// Their number.
    pub rows: usize,
}

impl Conv2d {
    /// A convolution whose operands have these shapes, each as in the graph: images, kernel.
    pub fn new(role: Role, window: Window, x: &Shape, w: &Shape) -> Self {
        Self { role, window, images: x[0], channels: x[3], filters: w[3] }
    }

    /// A window over images of this shape, for its patches and their sum.
    pub fn window(window: Window, x: &Shape) -> Self {
        let window = Window { groups: 1, ..window };
        Self { role: Role::Output, window, images: x[0], channels: x[3], filters: 1 }
    }

    /// Height and width of the output.
    pub fn output(&self) -> [usize; 2] {
        self.window.output().expect("the window fits: the graph checked it")
    }

    /// Channels of one group.
    pub fn depth(&self) -> usize {
        self.channels / self.window.groups
    }

    /// Columns of the unfolded images of one group.
    pub fn columns(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.depth()
    }

    /// Elements of one image, and of what windows see of it.
    pub fn image_lens(&self) -> (usize, usize) {
        let ([height, width], [rows, columns]) = (self.window.image, self.output());
        (height * width * self.channels, rows * columns * self.columns())
    }

    /// Output pixels of all images.
    pub fn pixels(&self) -> usize {
        let [height, width] = self.output();
        self.images * height * width
    }

    /// Whether the unfolded images are the images themselves.
    pub fn is_dense(&self) -> bool {
        self.window == Window { groups: 1, ..Window::new(self.window.image, 1) }
    }

    /// Whether each channel has one filter of its own.
    pub fn is_depthwise(&self) -> bool {
        self.depth() == 1 && self.filters == self.channels
    }

    /// The convolution that computes the cotangents of the images, with the kernel turned round; `None` if the stride
    /// leaves gaps or the padding exceeds the window.
    pub fn turned(&self) -> Option<Self> {
        let window = self.window;
        let padding = |axis: usize| {
            let reach = window.dilation[axis] * (window.kernel[axis] - 1);
            reach.checked_sub(window.padding[axis])
        };
        let turned = Window { image: self.output(), padding: [padding(0)?, padding(1)?], ..window };
        let exact = window.stride == [1; 2] && turned.output() == Some(window.image);
        exact.then_some(Self {
            role: Role::Output,
            window: turned,
            channels: self.filters,
            filters: self.channels,
            ..*self
        })
    }

    /// Elements of a tile of unfolded images.
    pub fn tile_len(&self) -> usize {
        self.tile_rows() * self.columns()
    }

    /// Rows of such a tile.
    pub fn tile_rows(&self) -> usize {
        (UNFOLDED / self.columns()).max(LEAST_ROWS).min(self.pixels()).max(1)
    }

    /// The rows of the unfolded images, a tile at a time.
    pub fn bands(&self) -> impl Iterator<Item = Band> + use<> {
        let (rows, pixels) = (self.tile_rows(), self.pixels());
        (0..pixels).step_by(rows).map(move |first| Band { first, rows: rows.min(pixels - first) })
    }
}

/// Neighbouring taps of one line of the window.
pub enum Run {
    /// They see the padding.
    Outside { first: usize, len: usize },
    /// They see neighbouring pixels, from `column` on.
    Inside { first: usize, len: usize, column: usize },
}

impl Conv2d {
    /// Image, line and column of each output pixel of a band.
    #[inline(always)]
    pub fn each_row(&self, band: Band, mut visit: impl FnMut(usize, usize, usize)) {
        let [height, width] = self.output();
        let (mut j, line) = (band.first % width, band.first / width);
        let (mut i, mut image) = (line % height, line / height);
        for _ in 0..band.rows {
            visit(image, i, j);
            j += 1;
            if j == width {
                (i, j) = (i + 1, 0);
                if i == height {
                    (image, i) = (image + 1, 0);
                }
            }
        }
    }

    /// The taps of one line of the window at output column `j`, in runs that are as long as memory allows.
    #[inline(always)]
    pub fn each_run(&self, j: usize, mut visit: impl FnMut(Run)) {
        let (window, taps) = (&self.window, self.window.kernel[1]);
        // One group with neighbouring taps: neighbouring memory.
        if window.dilation[1] == 1 && window.groups == 1 {
            let start = j * window.stride[1];
            let first = window.padding[1].saturating_sub(start).min(taps);
            let end = (window.image[1] + window.padding[1]).saturating_sub(start).min(taps).max(first);
            if first > 0 {
                visit(Run::Outside { first: 0, len: first });
            }
            if end > first {
                visit(Run::Inside { first, len: end - first, column: start + first - window.padding[1] });
            }
            if end < taps {
                visit(Run::Outside { first: end, len: taps - end });
            }
            return;
        }
        for tap in 0..taps {
            visit(match window.source(1, j, tap) {
                Some(column) => Run::Inside { first: tap, len: 1, column },
                None => Run::Outside { first: tap, len: 1 },
            });
        }
    }
}
