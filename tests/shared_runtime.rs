//! A program that uses ONNX Runtime itself, before the engine does: both share the library and the environment.

mod support;

use ort::session::Session;
use ort::value::TensorRef;
use pleura::ensemble::Ensemble;
use pleura::onnx::{ElementType, GraphBuilder};
use pleura::runtime::{self, Device, RuntimeError, find};
use support::case::{Case, POST, chain, member, ramp};
use support::toy::Toy;

/// The program's own network: it negates its input.
fn own() -> Vec<u8> {
    let mut graph = GraphBuilder::new("own");
    let input = graph.input("x", ElementType::Float, &[2.into()]);
    let output = graph.node("Neg", &[&input], vec![]);
    graph.output(&output, "y", ElementType::Float, &[2.into()]);
    graph.build().to_bytes()
}

#[test]
fn the_program_and_the_engine_run_models_side_by_side() {
    support::runtime();
    let library = find::candidates(None).swap_remove(0).path;
    let environment = ort::init_from(&library).unwrap().with_name("the program's own").build().unwrap();
    let mut session = Session::builder(&environment).unwrap().commit_from_memory(&own()).unwrap();
    let mut negate = || {
        let outputs = session.run(ort::inputs![TensorRef::from_array_view(([2_usize], &[1.0_f32, -2.0][..])).unwrap()]);
        outputs.unwrap()[0].try_extract_tensor::<f32>().unwrap().1.to_vec()
    };
    assert_eq!(negate(), [-1.0, 2.0]);

    // the engine does not take an environment that it was not given
    let case = Case::new(&[("a", Toy::default())], &format!("{POST}\n{}", member("segmenter", "a", "")));
    let open = || Ensemble::options().device(Device::Cpu).threads(1).open(&case.manifest);
    let refused = chain(&open().unwrap_err());
    assert!(refused.contains("hand in the program's with `pleura::runtime::adopt`"), "{refused}");
    let loaded = runtime::adopt(&library, environment.clone()).unwrap();
    assert_eq!((&loaded.path, loaded.origin), (&library, find::Origin::Program));
    assert!(matches!(runtime::adopt(&library, environment.clone()), Err(RuntimeError::Another { .. })));

    let ensemble = open().unwrap();
    let finding = ensemble.predict(&case.image(&ramp())).unwrap();
    assert_eq!(negate(), [-1.0, 2.0]);

    // the first user can end without affecting the other
    drop(environment);
    assert_eq!(ensemble.predict(&case.image(&ramp())).unwrap(), finding);
    drop(ensemble);
    assert_eq!(negate(), [-1.0, 2.0]);
}
