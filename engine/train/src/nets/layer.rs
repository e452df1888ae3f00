//! PyTorch's modules as nodes: convolutions, batch norm, pooling, upsampling, linear layers.

use pleura::onnx::attribute::{float, int, ints, string};
use pleura::onnx::proto::AttributeProto;

use super::draw::{Draw, Scheme};
use super::net::{Net, Scope, Tensor};

/// A square convolution. By default it keeps the size, and has one group and no bias.
#[derive(Debug, Clone, Copy)]
pub struct Conv {
    channels: i64,
    kernel: i64,
    stride: i64,
    dilation: i64,
    groups: i64,
    bias: bool,
    pads: [i64; 4],
}

impl Conv {
    /// A convolution to `channels` channels with a kernel of this side.
    pub fn new(channels: i64, kernel: i64) -> Self {
        Self { channels, kernel, stride: 1, dilation: 1, groups: 1, bias: false, pads: [kernel / 2; 4] }
    }

    /// Sets the stride.
    pub fn stride(self, stride: i64) -> Self {
        Self { stride, ..self }
    }

    /// Sets the dilation, with padding that keeps the size.
    pub fn dilated(self, dilation: i64) -> Self {
        // a single tap has no dilation
        let dilation = if self.kernel == 1 { 1 } else { dilation };
        Self { dilation, pads: [self.kernel / 2 * dilation; 4], ..self }
    }

    /// Sets the number of groups.
    pub fn groups(self, groups: i64) -> Self {
        Self { groups, ..self }
    }

    /// Adds a bias.
    pub fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// Sets the padding at the top, left, bottom, right.
    pub fn pads(self, pads: [i64; 4]) -> Self {
        Self { pads, ..self }
    }
}

/// Max pooling.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    /// The window's side.
    pub kernel: i64,
    /// The distance between windows.
    pub stride: i64,
    /// Padding at the top, left, bottom, right.
    pub pads: [i64; 4],
}

impl Pool {
    /// 2 × 2 max pooling with stride 2.
    pub const HALF: Self = Self { kernel: 2, stride: 2, pads: [0; 4] };
}

/// The method of upsampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsampling {
    /// Pixels are repeated.
    Nearest,
    /// Bilinear, with the corners' pixels on the corners.
    Corners,
}

impl Net {
    /// `Conv2d`.
    pub fn conv(&mut self, at: &Scope, x: &Tensor, conv: Conv) -> Tensor {
        let Conv { channels, kernel, stride, dilation, groups, bias, pads } = conv;
        let shape = [channels, x.channels / groups, kernel, kernel];
        let mut inputs = vec![self.weight(format!("{at}.weight"), &shape, self.scheme.weight(&shape, groups))];
        if bias {
            inputs.push(self.weight(format!("{at}.bias"), &[channels], self.scheme.bias(&shape)));
        }
        let attributes = vec![
            ints("kernel_shape", &[kernel; 2]),
            ints("strides", &[stride; 2]),
            ints("pads", &pads),
            ints("dilations", &[dilation; 2]),
            int("group", groups),
        ];
        self.over("Conv", x, &inputs, attributes, channels)
    }

    /// `ConvTranspose2d` with a bias, which enlarges the map by `stride`. PyTorch initialises its weights by its
    /// defaults, whatever the rest of the network's scheme.
    pub fn conv_transpose(&mut self, at: &Scope, x: &Tensor, channels: i64, kernel: i64, stride: i64) -> Tensor {
        let shape = [x.channels, channels, kernel, kernel];
        let scheme = Scheme::Torch;
        let inputs = [
            self.weight(format!("{at}.weight"), &shape, scheme.weight(&shape, 1)),
            self.weight(format!("{at}.bias"), &[channels], scheme.bias(&shape)),
        ];
        self.transposed(x, &inputs, channels, kernel, stride)
    }

    /// A transposed convolution without a bias, initialised as bilinear upsampling by `factor` (Long et al., 2015).
    pub fn conv_upsample(&mut self, at: &Scope, x: &Tensor, factor: usize) -> Tensor {
        let side = 2 * factor as i64;
        let shape = [x.channels, x.channels, side, side];
        let weight = self.weight(format!("{at}.weight"), &shape, Draw::Bilinear(factor));
        self.transposed(x, &[weight], x.channels, side, factor as i64)
    }

    fn transposed(&mut self, x: &Tensor, weights: &[String], channels: i64, kernel: i64, stride: i64) -> Tensor {
        let attributes = vec![
            ints("kernel_shape", &[kernel; 2]),
            ints("strides", &[stride; 2]),
            ints("pads", &[(kernel - stride) / 2; 4]),
            ints("dilations", &[1, 1]),
            int("group", 1),
        ];
        self.over("ConvTranspose", x, weights, attributes, channels)
    }

    /// `BatchNorm2d` (or `BatchNorm1d`), with the settings of [`Net::norm`]; group norm if [`Net::groups`] is set.
    pub fn batch_norm(&mut self, at: &Scope, x: &Tensor) -> Tensor {
        if let Some(groups) = self.groups {
            return self.group_norm(at, x, divisor(x.channels, groups));
        }
        let starts = [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)];
        let weights = starts.map(|(name, start)| self.weight(format!("{at}.{name}"), &[x.channels], Draw::Fill(start)));
        // ONNX's momentum is the share that is kept: 1 - PyTorch's
        let attributes = vec![float("epsilon", self.norm.epsilon), float("momentum", 1.0 - self.norm.momentum)];
        self.over("BatchNormalization", x, &weights, attributes, x.channels)
    }

    /// `GroupNorm(groups)` (Wu & He, 2018).
    pub fn group_norm(&mut self, at: &Scope, x: &Tensor, groups: i64) -> Tensor {
        let grouped = self.reshape(x, &[0, groups, -1], groups);
        let mean = self.mean(&grouped, &[2]);
        let centred = self.pair("Sub", &grouped, &mean);
        let squared = self.pair("Mul", &centred, &centred);
        let variance = self.mean(&squared, &[2]);
        let epsilon = self.number(1e-5);
        let above = self.node("Add", &[&variance.value, &epsilon], vec![], groups);
        let deviation = self.map("Sqrt", &above);
        let normed = self.pair("Div", &centred, &deviation);
        let shape = self.map("Shape", x);
        let normed = self.node("Reshape", &[&normed.value, &shape.value], vec![], x.channels);
        let axes = self.integers(&[1, 2]);
        let [weight, bias] = [("weight", 1.0), ("bias", 0.0)].map(|(name, start)| {
            let weight = self.weight(format!("{at}.{name}"), &[x.channels], Draw::Fill(start));
            self.node("Unsqueeze", &[&weight, &axes], vec![], x.channels)
        });
        let scaled = self.pair("Mul", &normed, &weight);
        self.pair("Add", &scaled, &bias)
    }

    /// `Linear`: (batch, channels) to (batch, `channels`).
    pub fn linear(&mut self, at: &Scope, x: &Tensor, channels: i64) -> Tensor {
        let shape = [channels, x.channels];
        let weights = [
            self.weight(format!("{at}.weight"), &shape, self.scheme.weight(&shape, 1)),
            self.weight(format!("{at}.bias"), &[channels], self.scheme.bias(&shape)),
        ];
        self.over("Gemm", x, &weights, vec![int("transB", 1)], channels)
    }

    /// `MaxPool2d`.
    pub fn max_pool(&mut self, x: &Tensor, pool: Pool) -> Tensor {
        let attributes =
            vec![ints("kernel_shape", &[pool.kernel; 2]), ints("strides", &[pool.stride; 2]), ints("pads", &pool.pads)];
        self.node("MaxPool", &[&x.value], attributes, x.channels)
    }

    /// `AdaptiveAvgPool2d(1)`: (batch, channels, 1, 1).
    pub fn average(&mut self, x: &Tensor) -> Tensor {
        self.map("GlobalAveragePool", x)
    }

    /// A map enlarged by `factor`.
    pub fn upsample(&mut self, x: &Tensor, factor: i64, upsampling: Upsampling) -> Tensor {
        if factor == 1 {
            return x.clone();
        }
        let times = factor as f32;
        let scales = self.numbers(&format!("times{factor}"), &[4], &[1.0, 1.0, times, times]);
        let attributes = match upsampling {
            // for integer factors every convention repeats pixels; ONNX Runtime has a fast path for this one
            Upsampling::Nearest => vec![
                string("mode", "nearest"),
                string("coordinate_transformation_mode", "asymmetric"),
                string("nearest_mode", "floor"),
            ],
            Upsampling::Corners => {
                vec![string("mode", "linear"), string("coordinate_transformation_mode", "align_corners")]
            }
        };
        self.node("Resize", &[&x.value, "", &scales], attributes, x.channels)
    }

    /// `x·sigmoid(x)`.
    pub fn swish(&mut self, x: &Tensor) -> Tensor {
        let gate = self.map("Sigmoid", x);
        self.pair("Mul", x, &gate)
    }

    /// ReLU up to 6.
    pub fn relu6(&mut self, x: &Tensor) -> Tensor {
        let (low, high) = (self.number(0.0), self.number(6.0));
        self.node("Clip", &[&x.value, &low, &high], vec![], x.channels)
    }

    /// A node with `x` and weights as inputs.
    fn over(
        &mut self,
        op: &str,
        x: &Tensor,
        weights: &[String],
        attributes: Vec<AttributeProto>,
        channels: i64,
    ) -> Tensor {
        let inputs: Vec<&str> = std::iter::once(&x.value).chain(weights).map(String::as_str).collect();
        self.node(op, &inputs, attributes, channels)
    }
}

/// The largest number that divides both.
fn divisor(one: i64, other: i64) -> i64 {
    if other == 0 { one } else { divisor(other, one % other) }
}
