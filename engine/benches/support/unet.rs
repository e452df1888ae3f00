//! A U-Net with a ResNet34 encoder and random weights: the shapes and the arithmetic of the real thing, nothing else.

use pleura::onnx::{ElementType, GraphBuilder, Model, attribute as a};

/// Channels, and number of basic blocks, of the encoder's four stages.
const STAGES: [(i64, usize); 4] = [(64, 3), (128, 4), (256, 6), (512, 3)];
/// Channels of the decoder's five stages.
const DECODER: [i64; 5] = [256, 128, 64, 32, 16];

struct Net {
    graph: GraphBuilder,
    seed: u32,
    layers: usize,
}

/// A value and its channels.
type Value = (String, i64);

/// The network: `image` (N, 3, H, W) to `mask` (N, 1, H, W) logits, H and W multiples of 32. Batch norms are folded.
pub fn resnet34() -> Model {
    let mut net = Net { graph: GraphBuilder::new("unet-resnet34"), seed: 1, layers: 0 };
    let dims = |channels: i64| ["batch".into(), channels.into(), "height".into(), "width".into()];
    let image = net.graph.input("image", ElementType::Float, &dims(3));
    let stem = net.conv(&(image, 3), 64, 7, 2, true);
    let pooled = net.graph.node(
        "MaxPool",
        &[&stem.0],
        vec![a::ints("kernel_shape", &[3, 3]), a::ints("strides", &[2, 2]), a::ints("pads", &[1, 1, 1, 1])],
    );
    let mut skips = vec![stem];
    let mut value = (pooled, 64);
    for (stage, (channels, blocks)) in STAGES.into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            value = net.block(&value, channels, stride);
        }
        skips.push(value.clone());
    }
    skips.pop();
    for channels in DECODER {
        value = net.up(&value, skips.pop(), channels);
    }
    let (mask, _) = net.conv(&value, 1, 3, 1, false);
    net.graph.output(&mask, "mask", ElementType::Float, &dims(1));
    net.graph.build()
}

impl Net {
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
        let joined = match skip {
            Some((skip, more)) => {
                (self.graph.node("Concat", &[&larger, &skip], vec![a::int("axis", 1)]), value.1 + more)
            }
            None => (larger, value.1),
        };
        let first = self.conv(&joined, channels, 3, 1, true);
        self.conv(&first, channels, 3, 1, true)
    }

    fn conv(&mut self, value: &Value, channels: i64, kernel: i64, stride: i64, relu: bool) -> Value {
        self.layers += 1;
        let shape = [channels, value.1, kernel, kernel];
        // He's initialisation keeps activations in range through 60 layers.
        let scale = (6.0 / (value.1 * kernel * kernel) as f32).sqrt() * 0.7;
        let numbers: Vec<f32> = (0..shape.iter().product::<i64>()).map(|_| self.random() * scale).collect();
        let weight = self.graph.constant(&format!("weight_{}", self.layers), &shape, &numbers);
        let bias = self.graph.constant(&format!("bias_{}", self.layers), &[channels], &vec![0.0; channels as usize]);
        let pad = kernel / 2;
        let attributes = vec![
            a::ints("kernel_shape", &[kernel, kernel]),
            a::ints("strides", &[stride, stride]),
            a::ints("pads", &[pad, pad, pad, pad]),
        ];
        let out = self.graph.node("Conv", &[&value.0, &weight, &bias], attributes);
        (if relu { self.graph.node("Relu", &[&out], vec![]) } else { out }, channels)
    }

    /// In -1..1; a linear congruential generator, so that every run has the same weights.
    fn random(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}
