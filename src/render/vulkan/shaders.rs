//! Shader modules: looked at before the driver sees them.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::driver::Validator;
use super::objects::Data;
use super::reason::Reason;
use super::spirv::{self, Module};
use super::turn::{Outcome, Turn};
use crate::guest_log::guest_warn;
use crate::sys::Address;
use crate::venus::{CommandType, ObjectType};

/// What looks at SPIR-V.
pub(super) struct Checker(Option<Validator>);

impl Checker {
    /// With SPIRV-Tools, if the host has it.
    pub(super) fn new() -> Self {
        Self(Validator::find())
    }

    /// In words, for operators.
    pub(super) fn name(&self) -> &'static str {
        if self.0.is_some() { "structure, then SPIRV-Tools" } else { "structure" }
    }

    fn check(&self, words: &[u32]) -> Result<Module, String> {
        let module = spirv::parse(words).map_err(|broken| broken.to_string())?;
        self.0.as_ref().map_or(Ok(()), |validator| validator.check(words))?;
        Ok(module)
    }
}

/// vkCreateShaderModule.
pub(super) fn create(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    match check(turn, turn.call.arg(1))? {
        Some(module) => {
            let bytes = turn.get::<vk::ShaderModuleCreateInfo>(turn.call.arg(1))?.code_size as u64;
            turn.create_sized(ObjectType::ShaderModule, &device, bytes, |object| {
                object.with(Data::ShaderModule(module)).destroyed_by(CommandType::DestroyShaderModule)
            })
        }
        None => {
            let id = *turn.get::<u64>(turn.call.arg(3))?;
            turn.refuse(ObjectType::ShaderModule, id, &device, vk::Result::ERROR_INVALID_SHADER_NV)
        }
    }
}

/// What is known of the module in the VkShaderModuleCreateInfo at an address; `None` if it is not to be compiled.
pub(super) fn check(turn: &Turn<'_>, info_at: Address) -> Result<Option<Module>, Reason> {
    let info = turn.get::<vk::ShaderModuleCreateInfo>(info_at)?;
    let count = u32::try_from(info.code_size / 4).map_err(|_| turn.invalid("the module is too large"))?;
    let words = turn.slice::<u32>(info.code.expose_provenance() as Address, count)?;
    match turn.state.gpu.shaders.check(words) {
        Ok(module) => Ok(Some(module)),
        Err(error) => {
            guest_warn!("{}: a shader module is refused: {error}", turn.context.name());
            Ok(None)
        }
    }
}
