//! Errors that stop a training, or prevent its start.

use super::*;

#[test]
fn a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint() {
    let folder = data(12);
    let phases = phase(1, "") + &phase(3, "").replace("0.01", "1e18");
    let recipe = recipe(folder.path(), DICE, STACK, &phases);
    let out = folder.path().join("out");
    let error = train(&recipe, &options(&out), &mut Quiet::new(usize::MAX)).unwrap_err();
    let text = message(&error);
    assert!(matches!(error, TrainError::NotFinite { .. } | TrainError::ValidationNotFinite { .. }), "{text}");
    assert!(
        text.contains("phase 2") && text.contains("checkpoint.safetensors") && text.contains("lower `lr`"),
        "{text}"
    );
    let checkpoint = Checkpoint::read(&out.join("fold1/checkpoint.safetensors")).unwrap();
    assert!(checkpoint.tensors.values().flat_map(|(_, numbers)| numbers).all(|number| number.is_finite()));
    assert_eq!((checkpoint.state.at.phase, checkpoint.state.at.epoch), (1, 0));
}

#[test]
fn a_checkpoint_of_another_network_or_recipe_is_refused() {
    let folder = data(12);
    let out = folder.path().join("out");
    run(&recipe(folder.path(), DICE, STACK, &phase(1, "")), &out);
    let wider = STACK.replace("[6, 6]", "[6, 7]");
    let recipe = recipe(folder.path(), DICE, &wider, &phase(1, ""));
    let error = train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).contains("widths"), "{}", message(&error));
    let fresh = Options { fresh: true, ..options(&out) };
    train(&recipe, &fresh, &mut Quiet::new(usize::MAX)).unwrap();
}

#[test]
fn an_operator_that_is_not_known_is_named_with_its_node() {
    let folder = data(12);
    let mut graph = pleura::onnx::GraphBuilder::new("odd");
    let shape = || ["batch".into(), 1.into(), "height".into(), "width".into()];
    let element = pleura::onnx::ElementType::Float;
    let image = graph.input("image", element, &shape());
    let weight = graph.constant("weight", &[1, 1, 1, 1], &[1.0]);
    let value = graph.node("Conv", &[&image, &weight], vec![]);
    let value = graph.node("Softsign", &[&value], vec![]);
    graph.output(&value, "map", element, &shape());
    graph.build().write(folder.path().join("odd.onnx")).unwrap();
    let network = "architecture = { kind = \"onnx\", model = \"odd.onnx\", map = \"map\" }";
    let recipe = recipe(folder.path(), DICE, network, &phase(1, ""));
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    let text = message(&error);
    assert!(
        text.contains("softsign_2") && text.contains("(Softsign)") && text.contains("it supports Abs, Add"),
        "{text}"
    );
}

#[test]
fn mixed_precision_needs_a_gpu() {
    let folder = data(12);
    let out = folder.path().join("out");
    let text = |precision: &str| {
        let more = format!("precision = \"{precision}\"\n{DICE}");
        let recipe = recipe(folder.path(), &more, STACK, &phase(1, ""));
        message(&train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err())
    };
    assert!(text("fp16").contains("needs a CUDA device, found cpu"), "{}", text("fp16"));
    assert!(!out.join("fold1").exists());
    // ONNX Runtime has no convolutions of it
    assert!(text("bf16").contains("precision") && text("bf16").contains("fp16"), "{}", text("bf16"));
}

#[test]
fn one_training_at_a_time_in_a_folder() {
    let folder = data(12);
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let lock = crate::fit::Lock::acquire(&out).unwrap();
    let recipe = recipe(folder.path(), DICE, STACK, &phase(1, ""));
    let error = train(&recipe, &options(&out), &mut Quiet::new(0)).unwrap_err();
    assert!(matches!(error, TrainError::Busy { .. }), "{}", message(&error));
    drop(lock);
    run(&recipe, &out);
}

#[test]
fn images_without_a_single_positive_are_refused() {
    let folder = data(12);
    for mask in fs::read_dir(folder.path().join("masks")).unwrap() {
        GrayImage::new(SIDE, SIDE).save(mask.unwrap().path()).unwrap();
    }
    let recipe = recipe(folder.path(), DICE, STACK, &phase(1, ""));
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    assert!(matches!(error, TrainError::Folds(_)) && message(&error).contains("positive"), "{}", message(&error));
}

#[test]
fn an_image_that_breaks_later_costs_nothing() {
    let folder = data(12);
    let out = folder.path().join("out");
    let text = phase(2, "") + &phase(1, "");
    let recipe = recipe(folder.path(), DICE, STACK, &text.replacen("[32, 32]", "[24, 24]", 1));
    let image = folder.path().join("images/i05.png");
    let whole = fs::read(&image).unwrap();
    // the file is read again for the second phase's size, and is broken by then
    struct Breaks(PathBuf, Quiet);
    impl Watch for Breaks {
        fn step(&mut self, progress: &Progress) {
            self.1.step(progress);
        }
        fn epoch(&mut self, line: &Line, _: bool) {
            if line.epoch == 1 {
                let whole = fs::read(&self.0).unwrap();
                fs::write(&self.0, &whole[..whole.len() / 2]).unwrap();
            }
        }
        fn note(&mut self, _: &str) {}
        fn stops(&self) -> bool {
            false
        }
    }
    let error = train(&recipe, &options(&out), &mut Breaks(image.clone(), Quiet::new(0))).unwrap_err();
    let text = message(&error);
    assert!(text.contains("checkpoint.safetensors") && text.contains("i05.png") && text.contains("again"), "{text}");
    fs::write(&image, whole).unwrap();
    run(&recipe, &out);
    assert_eq!(Journal::read(&out.join("metrics.jsonl")).unwrap().len(), 3);
}

#[test]
fn what_is_not_there_is_told_before_anything_begins() {
    let folder = data(12);
    let network = "architecture = { kind = \"onnx\", model = \"none.onnx\", map = \"map\" }";
    let recipe = recipe(folder.path(), DICE, network, &phase(1, ""));
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    assert!(message(&error).starts_with("network.architecture.model: `"), "{}", message(&error));
    assert!(!folder.path().join("out").exists());
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/steps.onnx");
    fs::copy(golden, folder.path().join("none.onnx")).unwrap();
    let text = fs::read_to_string(&recipe).unwrap().replace("map = \"map\"", "map = \"mask\"");
    fs::write(&recipe, text).unwrap();
    let error = train(&recipe, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err();
    let text = message(&error);
    assert!(text.contains("network.architecture.map") && text.contains("it has `map`, `score`"), "{text}");
}
