//! Plugins: found, loaded, created, called.

use crate::plugin::{Fault, LoadError, PluginError, Role};
use crate::texts::Texts;

pub fn add(texts: &mut Texts) {
    let path = || "plugins/libsmooth.so".into();
    let name = || "smooth".to_owned();
    let program = || "/usr/bin/viewer".into();
    add!(texts, PluginError {
        NotFound { name: name(), searched: vec!["a".into(), "b".into()], near: vec!["smoother".into()] },
        NotFound { name: name(), searched: vec!["a".into()], near: vec![] },
        NoLibrary { name: name(), searched: vec!["a".into()] },
        Load { path: path(), why: LoadError::NoSymbol },
        Refused { plugin: name(), message: "`sigma` is -1, expected a positive number".into() },
        Call { plugin: name(), call: "run", why: Fault::WrotePast },
        NoWorker { path: path(), program: program() },
        WithinWorker { path: path(), program: program() },
        Changed { path: path(), found: "11".into(), declared: "22".into() },
        Read { path: path(), source: super::gone() },
    });
    add!(texts, LoadError {
        Missing {},
        Open("undefined symbol: cblas_sgemm".into()),
        NoSymbol {},
        NullTable {},
        Abi { major: 9 },
        TableSize { found: 8, least: 104 },
        Text("name".into()),
        Roles(0b11),
        MissingCall("forward".into()),
        OtherName { found: "blur".into() },
        Own {},
        Child(Box::new(Fault::Died("was killed by signal 11".into()))),
    });
    add!(texts, Fault {
        Said("no lung in the image".into()),
        Silent(2),
        WrotePast {},
        Unwritten(3),
        ReturnedNan(3),
        Range { low: -0.5, high: 1.5 },
        MaskValue(255),
        TakesNan { what: "map".into(), count: 4 },
        Input("the map is 0×8".into()),
        Views(0),
        ViewSize { view: 2, height: 0, width: 9 },
        Role(Role::Tta),
        Differs {},
        NoWorker { program: program(), found: "it wrote `hello`".into() },
        Died("was killed by signal 11".into()),
        TimedOut { seconds: 60 },
        Broken("its header is not understood".into()),
    });
}
