//! Networks with a ResNet34 encoder and random weights: the shapes and the arithmetic of real networks, nothing else.

use pleura::onnx::{ElementType, GraphBuilder, Model, attribute as a};

/// Channels, and number of basic blocks, of the encoder's four stages.
const STAGES: [(i64, usize); 4] = [(64, 3), (128, 4), (256, 6), (512, 3)];
/// Channels of the decoder's five stages.
const DECODER: [i64; 5] = [256, 128, 64, 32, 16];

/// What may differ between networks of one architecture.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// The seed of the random weights.
    pub seed: u32,
    /// The last layer's logits are multiplied by this,
    pub gain: f32,
    /// and this is added to them.
    pub shift: f32,
    /// The factor of the weights of skip connections: with small ones, maps are blobs, not textures.
    pub skips: f32,
}

impl Default for Draw {
    fn default() -> Self {
        Self { seed: 1, gain: 1.0, shift: 0.0, skips: 1.0 }
    }
}

pub struct Net {
    pub graph: GraphBuilder,
    draw: Draw,
    seed: u32,
    layers: usize,
}

/// A value and its channels.
pub type Value = (String, i64);

/// The U-Net: `image` (N, 3, H, W) to `mask` (N, 1, H, W) logits, H and W multiples of 32. Batch norms are folded.
pub fn resnet34(draw: Draw) -> Model {
    let mut net = Net::new("unet-resnet34", draw);
    let mut skips = net.encoder();
    let mut value = skips.pop().expect("the encoder has stages");
    for channels in DECODER {
        value = net.up(&value, skips.pop(), channels);
    }
    let (mask, _) = net.head(&value, 3);
    let dims = ["batch".into(), 1.into(), "height".into(), "width".into()];
    net.graph.output(&mask, "mask", ElementType::Float, &dims);
    net.graph.build()
}

impl Net {
    pub fn new(name: &str, draw: Draw) -> Self {
        Self { graph: GraphBuilder::new(name), seed: draw.seed, draw, layers: 0 }
    }

    /// `image` to the features of the stem and of each stage.
    pub fn encoder(&mut self) -> Vec<Value> {
        let dims = ["batch".into(), 3.into(), "height".into(), "width".into()];
        let image = self.graph.input("image", ElementType::Float, &dims);
        let stem = self.conv(&(image, 3), 64, 7, 2, true);
        let pooled = self.graph.node(
            "MaxPool",
            &[&stem.0],
            vec![a::ints("kernel_shape", &[3, 3]), a::ints("strides", &[2, 2]), a::ints("pads", &[1, 1, 1, 1])],
        );
        let mut features = vec![stem];
        let mut value = (pooled, 64);
        for (stage, (channels, blocks)) in STAGES.into_iter().enumerate() {
            for block in 0..blocks {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                value = self.block(&value, channels, stride);
            }
            features.push(value.clone());
        }
        features
    }

    /// The layer that gives logits.
    pub fn head(&mut self, value: &Value, kernel: i64) -> Value {
        let Draw { gain, shift, .. } = self.draw;
        self.weighted(value, 1, (kernel, 1), &[(value.1, gain)], shift)
    }

    /// Two convolutions around a shortcut.
    fn block(&mut self, value: &Value, channels: i64, stride: i64) -> Value {
        let first = self.conv(value, channels, 3, stride, true);
        let second = self.conv(&first, channels, 3, 1, false);
        let shortcut = if stride > 1 || value.1 != channels {
            self.conv(value, channels, 1, stride, false)
        } else {
            value.clone()
        };
        let sum = self.graph.node("Add", &[&second.0, &shortcut.0], vec![]);
        (self.graph.node("Relu", &[&sum], vec![]), channels)
    }

    /// Doubles the size, takes in the skip, and convolves twice.
    fn up(&mut self, value: &Value, skip: Option<Value>, channels: i64) -> Value {
        let scales = self.graph.constant(&format!("scales_{}", self.layers), &[4], &[1.0, 1.0, 2.0, 2.0]);
        let larger = self.graph.node("Resize", &[&value.0, "", &scales], vec![a::string("mode", "nearest")]);
        let (joined, parts) = match skip {
            Some((skip, more)) => {
                let joined = self.graph.node("Concat", &[&larger, &skip], vec![a::int("axis", 1)]);
                ((joined, value.1 + more), vec![(value.1, 1.0), (more, self.draw.skips)])
            }
            None => ((larger, value.1), vec![(value.1, 1.0)]),
        };
        let first = self.weighted(&joined, channels, (3, 1), &parts, 0.0);
        let first = (self.graph.node("Relu", &[&first.0], vec![]), channels);
        self.conv(&first, channels, 3, 1, true)
    }

    fn conv(&mut self, value: &Value, channels: i64, kernel: i64, stride: i64, relu: bool) -> Value {
        let (out, _) = self.weighted(value, channels, (kernel, stride), &[(value.1, 1.0)], 0.0);
        (if relu { self.graph.node("Relu", &[&out], vec![]) } else { out }, channels)
    }

    /// A convolution; `parts` of its input channels have weights that are multiplied by a number.
    fn weighted(
        &mut self,
        value: &Value,
        channels: i64,
        (kernel, stride): (i64, i64),
        parts: &[(i64, f32)],
        bias: f32,
    ) -> Value {
        self.layers += 1;
        let shape = [channels, value.1, kernel, kernel];
        // He's initialisation keeps activations in range through 60 layers.
        let scale = (6.0 / (value.1 * kernel * kernel) as f32).sqrt() * 0.7;
        let mut numbers = Vec::new();
        for _ in 0..channels {
            for &(inputs, factor) in parts {
                numbers.extend((0..inputs * kernel * kernel).map(|_| self.random() * scale * factor));
            }
        }
        let weight = self.graph.constant(&format!("weight_{}", self.layers), &shape, &numbers);
        let bias = self.graph.constant(&format!("bias_{}", self.layers), &[channels], &vec![bias; channels as usize]);
        let pad = kernel / 2;
        let attributes = vec![
            a::ints("kernel_shape", &[kernel, kernel]),
            a::ints("strides", &[stride, stride]),
            a::ints("pads", &[pad, pad, pad, pad]),
        ];
        (self.graph.node("Conv", &[&value.0, &weight, &bias], attributes), channels)
    }

    /// In -1..1; a linear congruential generator, so that every run has the same weights.
    fn random(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}
