//! The validator of SPIRV-Tools, where the host has it as a shared library (Debian has from trixie on).

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

const NAMES: [&CStr; 2] = [c"libSPIRV-Tools-shared.so", c"libSPIRV-Tools-shared.so.1"];
/// SPV_ENV_VULKAN_1_3: SPIR-V up to 1.6.
const ENVIRONMENT: c_int = 25;

type Made = unsafe extern "C" fn() -> *mut c_void;
type ContextMade = unsafe extern "C" fn(c_int) -> *mut c_void;
type Destroyed = unsafe extern "C" fn(*mut c_void);
type Set = unsafe extern "C" fn(*mut c_void, bool);
type Validated =
    unsafe extern "C" fn(*const c_void, *const c_void, *const Binary, *mut *mut Diagnostic) -> c_int;

#[repr(C)]
struct Binary {
    code: *const u32,
    words: usize,
}

#[repr(C)]
struct Diagnostic {
    position: [usize; 3],
    error: *const c_char,
    is_text_source: bool,
}

/// Functions of the library, which stays loaded.
pub(in crate::render::vulkan) struct Validator {
    context: ContextMade,
    context_destroyed: Destroyed,
    options: Made,
    options_destroyed: Destroyed,
    /// What devices may allow is allowed: the driver is asked for less if it lacks it.
    leniences: [Set; 3],
    validate: Validated,
    diagnostic_destroyed: unsafe extern "C" fn(*mut Diagnostic),
}

impl Validator {
    /// Loads it, if the host has it.
    pub(in crate::render::vulkan) fn find() -> Option<Self> {
        // SAFETY: constructors of the host's own library run.
        let open = |name: &&CStr| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        let library = NAMES.iter().map(open).find(|library| !library.is_null())?;
        let symbol = |name: &CStr| {
            // SAFETY: the library is loaded, and the name ends.
            let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
            (!symbol.is_null()).then_some(symbol)
        };
        // SAFETY: the functions of these names have these parameters in every version of the library.
        Some(unsafe {
            use std::mem::transmute as as_function;
            Self {
                context: as_function::<*mut c_void, ContextMade>(symbol(c"spvContextCreate")?),
                context_destroyed: as_function::<*mut c_void, Destroyed>(symbol(c"spvContextDestroy")?),
                options: as_function::<*mut c_void, Made>(symbol(c"spvValidatorOptionsCreate")?),
                options_destroyed: as_function::<*mut c_void, Destroyed>(symbol(
                    c"spvValidatorOptionsDestroy",
                )?),
                leniences: [
                    as_function::<*mut c_void, Set>(symbol(c"spvValidatorOptionsSetScalarBlockLayout")?),
                    as_function::<*mut c_void, Set>(symbol(
                        c"spvValidatorOptionsSetWorkgroupScalarBlockLayout",
                    )?),
                    as_function::<*mut c_void, Set>(symbol(c"spvValidatorOptionsSetAllowLocalSizeId")?),
                ],
                validate: as_function::<*mut c_void, Validated>(symbol(c"spvValidateWithOptions")?),
                diagnostic_destroyed: as_function::<*mut c_void, unsafe extern "C" fn(*mut Diagnostic)>(
                    symbol(c"spvDiagnosticDestroy")?,
                ),
            }
        })
    }

    /// Looks at a module. The error is the library's own words.
    pub(in crate::render::vulkan) fn check(&self, words: &[u32]) -> Result<(), String> {
        let binary = Binary { code: words.as_ptr(), words: words.len() };
        let mut diagnostic: *mut Diagnostic = null_mut();
        // SAFETY: what is made is used with its own functions and destroyed once; the words outlive the call.
        unsafe {
            let (context, options) = ((self.context)(ENVIRONMENT), (self.options)());
            self.leniences.iter().for_each(|allow| allow(options, true));
            let result = (self.validate)(context, options, &binary, &mut diagnostic);
            let error = match diagnostic.as_ref() {
                Some(diagnostic) if !diagnostic.error.is_null() => {
                    CStr::from_ptr(diagnostic.error).to_string_lossy().into_owned()
                }
                _ => format!("SPIRV-Tools answered {result}"),
            };
            (self.diagnostic_destroyed)(diagnostic);
            (self.options_destroyed)(options);
            (self.context_destroyed)(context);
            if result == 0 { Ok(()) } else { Err(error) }
        }
    }
}
