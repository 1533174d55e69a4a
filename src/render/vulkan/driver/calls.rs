// Made by scripts/venus-codec from the Vulkan registry 1.4.363: do not edit.
use super::RawFunction;
use crate::venus::CommandType as C;

/// Calls a driver's function. A VkResult comes back as the 32 bits that it is.
///
/// # Safety
/// `function` has to be the driver's for `command`, and the arguments good for it: addresses and handles above all.
#[expect(
    clippy::too_many_lines,
    clippy::cast_possible_truncation,
    reason = "a line for each kind of function"
)]
pub(super) unsafe fn call(function: RawFunction, command: C, arguments: &[u64]) -> u64 {
    let long = |index: usize| arguments.get(index).copied().unwrap_or_default();
    let word = |index: usize| long(index) as u32;
    let half = |index: usize| long(index) as u16;
    let float = |index: usize| f32::from_bits(word(index));
    // SAFETY: each command stands where its function has these parameters, by the registry; the rest is the
    // caller's promise.
    unsafe {
        match command {
            C::BuildAccelerationStructuresKHR => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u64, u64) -> i32>(
                    function,
                )(long(0), long(1), word(2), long(3), long(4))
                .cast_unsigned(),
            ),
            C::CmdBeginQuery | C::CmdResetQueryPool | C::ResetQueryPool | C::CmdEndQueryIndexedEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u32)>(function)(
                    long(0),
                    long(1),
                    word(2),
                    word(3),
                );
                0
            }
            C::CmdBeginQueryIndexedEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u32, u32)>(function)(
                    long(0),
                    long(1),
                    word(2),
                    word(3),
                    word(4),
                );
                0
            }
            C::CmdBindDescriptorSets => {
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u32, u64, u32, u32, u64, u32, u64),
                >(function)(
                    long(0), word(1), long(2), word(3), word(4), long(5), word(6), long(7)
                );
                0
            }
            C::CmdBindIndexBuffer | C::CmdWriteTimestamp2 => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u32)>(function)(
                    long(0),
                    long(1),
                    long(2),
                    word(3),
                );
                0
            }
            C::CmdBindTransformFeedbackBuffersEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u64, u64, u64)>(
                    function,
                )(long(0), word(1), word(2), long(3), long(4), long(5));
                0
            }
            C::CmdBindVertexBuffers | C::CmdBeginTransformFeedbackEXT | C::CmdEndTransformFeedbackEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u64, u64)>(function)(
                    long(0),
                    word(1),
                    word(2),
                    long(3),
                    long(4),
                );
                0
            }
            C::CmdBindVertexBuffers2 => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u64, u64, u64, u64)>(
                    function,
                )(long(0), word(1), word(2), long(3), long(4), long(5), long(6));
                0
            }
            C::CmdBlitImage => {
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u64, u32, u64, u32, u32, u64, u32),
                >(function)(
                    long(0), long(1), word(2), long(3), word(4), word(5), long(6), word(7)
                );
                0
            }
            C::CmdBuildAccelerationStructuresIndirectKHR => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u64, u64, u64)>(
                    function,
                )(long(0), word(1), long(2), long(3), long(4), long(5));
                0
            }
            C::CmdCopyBuffer | C::CmdPushDescriptorSetWithTemplate => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u32, u64)>(function)(
                    long(0),
                    long(1),
                    long(2),
                    word(3),
                    long(4),
                );
                0
            }
            C::CmdCopyBufferToImage => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u32, u32, u64)>(
                    function,
                )(long(0), long(1), long(2), word(3), word(4), long(5));
                0
            }
            C::CmdCopyImage | C::CmdResolveImage => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u64, u32, u32, u64)>(
                    function,
                )(long(0), long(1), word(2), long(3), word(4), word(5), long(6));
                0
            }
            C::CmdCopyImageToBuffer | C::CmdClearColorImage | C::CmdClearDepthStencilImage => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u64, u32, u64)>(
                    function,
                )(long(0), long(1), word(2), long(3), word(4), long(5));
                0
            }
            C::CmdCopyQueryPoolResults => {
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u64, u32, u32, u64, u64, u64, u32),
                >(function)(
                    long(0), long(1), word(2), word(3), long(4), long(5), long(6), word(7)
                );
                0
            }
            C::CmdDispatch | C::CmdDrawMeshTasksEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u32)>(function)(
                    long(0),
                    word(1),
                    word(2),
                    word(3),
                );
                0
            }
            C::CmdDispatchBase => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u32, u32, u32, u32)>(
                    function,
                )(long(0), word(1), word(2), word(3), word(4), word(5), word(6));
                0
            }
            C::CmdDraw => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u32, u32)>(function)(
                    long(0),
                    word(1),
                    word(2),
                    word(3),
                    word(4),
                );
                0
            }
            C::CmdDrawIndexed | C::CmdSetStencilOp => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u32, u32, u32)>(
                    function,
                )(long(0), word(1), word(2), word(3), word(4), word(5));
                0
            }
            C::CmdDrawIndirect | C::CmdDrawIndexedIndirect | C::CmdDrawMeshTasksIndirectEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u32, u32)>(function)(
                    long(0),
                    long(1),
                    long(2),
                    word(3),
                    word(4),
                );
                0
            }
            C::CmdDrawIndirectByteCountEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u64, u64, u32, u32)>(
                    function,
                )(long(0), word(1), word(2), long(3), long(4), word(5), word(6));
                0
            }
            C::CmdDrawIndirectCount
            | C::CmdDrawIndexedIndirectCount
            | C::CmdDrawMeshTasksIndirectCountEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u64, u64, u32, u32)>(
                    function,
                )(long(0), long(1), long(2), long(3), long(4), word(5), word(6));
                0
            }
            C::CmdDrawMultiEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u32, u32, u32)>(
                    function,
                )(long(0), word(1), long(2), word(3), word(4), word(5));
                0
            }
            C::CmdDrawMultiIndexedEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u32, u32, u32, u64)>(
                    function,
                )(long(0), word(1), long(2), word(3), word(4), word(5), long(6));
                0
            }
            C::CmdEndRenderPass | C::CmdEndRendering | C::CmdEndConditionalRenderingEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64)>(function)(long(0));
                0
            }
            C::CmdFillBuffer | C::CmdBindIndexBuffer2 => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u64, u32)>(function)(
                    long(0),
                    long(1),
                    long(2),
                    long(3),
                    word(4),
                );
                0
            }
            C::CmdNextSubpass
            | C::CmdSetDeviceMask
            | C::CmdSetCullMode
            | C::CmdSetFrontFace
            | C::CmdSetPrimitiveTopology
            | C::CmdSetDepthTestEnable
            | C::CmdSetDepthWriteEnable
            | C::CmdSetDepthCompareOp
            | C::CmdSetDepthBoundsTestEnable
            | C::CmdSetStencilTestEnable
            | C::CmdSetRasterizerDiscardEnable
            | C::CmdSetDepthBiasEnable
            | C::CmdSetPrimitiveRestartEnable
            | C::CmdSetPatchControlPointsEXT
            | C::CmdSetLogicOpEXT
            | C::CmdSetTessellationDomainOriginEXT
            | C::CmdSetDepthClampEnableEXT
            | C::CmdSetPolygonModeEXT
            | C::CmdSetRasterizationSamplesEXT
            | C::CmdSetAlphaToCoverageEnableEXT
            | C::CmdSetAlphaToOneEnableEXT
            | C::CmdSetLogicOpEnableEXT
            | C::CmdSetRasterizationStreamEXT
            | C::CmdSetConservativeRasterizationModeEXT
            | C::CmdSetDepthClipEnableEXT
            | C::CmdSetSampleLocationsEnableEXT
            | C::CmdSetProvokingVertexModeEXT
            | C::CmdSetLineRasterizationModeEXT
            | C::CmdSetLineStippleEnableEXT
            | C::CmdSetDepthClipNegativeOneToOneEXT
            | C::CmdSetRayTracingPipelineStackSizeKHR
            | C::CmdSetAttachmentFeedbackLoopEnableEXT
            | C::UnregisterCustomBorderColorEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32)>(function)(
                    long(0),
                    word(1),
                );
                0
            }
            C::CmdPipelineBarrier => {
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u32, u32, u32, u32, u64, u32, u64, u32, u64),
                >(function)(
                    long(0),
                    word(1),
                    word(2),
                    word(3),
                    word(4),
                    long(5),
                    word(6),
                    long(7),
                    word(8),
                    long(9),
                );
                0
            }
            C::CmdPushConstants => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u32, u32, u64)>(
                    function,
                )(long(0), long(1), word(2), word(3), word(4), long(5));
                0
            }
            C::CmdPushDescriptorSet => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u32, u32, u64)>(
                    function,
                )(long(0), word(1), long(2), word(3), word(4), long(5));
                0
            }
            C::CmdSetDepthBias => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, f32, f32, f32)>(function)(
                    long(0),
                    float(1),
                    float(2),
                    float(3),
                );
                0
            }
            C::CmdSetDepthBounds => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, f32, f32)>(function)(
                    long(0),
                    float(1),
                    float(2),
                );
                0
            }
            C::CmdSetEvent
            | C::CmdResetEvent
            | C::CmdEndQuery
            | C::CmdBeginRenderPass
            | C::TrimCommandPool => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32)>(function)(
                    long(0),
                    long(1),
                    word(2),
                );
                0
            }
            C::CmdSetLineStipple => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u16)>(function)(
                    long(0),
                    word(1),
                    half(2),
                );
                0
            }
            C::CmdSetLineWidth | C::CmdSetExtraPrimitiveOverestimationSizeEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, f32)>(function)(
                    long(0),
                    float(1),
                );
                0
            }
            C::CmdSetStencilCompareMask | C::CmdSetStencilWriteMask | C::CmdSetStencilReference => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32)>(function)(
                    long(0),
                    word(1),
                    word(2),
                );
                0
            }
            C::CmdTraceRaysIndirectKHR => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u64, u64, u64)>(
                    function,
                )(long(0), long(1), long(2), long(3), long(4), long(5));
                0
            }
            C::CmdTraceRaysKHR => {
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u64, u64, u64, u64, u32, u32, u32),
                >(function)(
                    long(0), long(1), long(2), long(3), long(4), word(5), word(6), word(7)
                );
                0
            }
            C::CmdUpdateBuffer => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u64, u64)>(function)(
                    long(0),
                    long(1),
                    long(2),
                    long(3),
                    long(4),
                );
                0
            }
            C::CmdWaitEvents => {
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u32, u64, u32, u32, u32, u64, u32, u64, u32, u64),
                >(function)(
                    long(0),
                    word(1),
                    long(2),
                    word(3),
                    word(4),
                    word(5),
                    long(6),
                    word(7),
                    long(8),
                    word(9),
                    long(10),
                );
                0
            }
            C::CmdWaitEvents2 | C::CmdBuildAccelerationStructuresKHR => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u64)>(function)(
                    long(0),
                    word(1),
                    long(2),
                    long(3),
                );
                0
            }
            C::CmdWriteAccelerationStructuresPropertiesKHR => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u32, u64, u32)>(
                    function,
                )(long(0), word(1), long(2), word(3), long(4), word(5));
                0
            }
            C::CmdWriteTimestamp => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u32)>(function)(
                    long(0),
                    word(1),
                    long(2),
                    word(3),
                );
                0
            }
            C::CreateDevice
            | C::EnumerateDeviceExtensionProperties
            | C::AllocateMemory
            | C::BindBufferMemory
            | C::BindImageMemory
            | C::CreateFence
            | C::CreateSemaphore
            | C::CreateEvent
            | C::CreateQueryPool
            | C::CreateBuffer
            | C::CreateBufferView
            | C::CreateImage
            | C::CreateImageView
            | C::CreateShaderModule
            | C::CreatePipelineCache
            | C::GetPipelineCacheData
            | C::CreatePipelineLayout
            | C::CreateSampler
            | C::CreateDescriptorSetLayout
            | C::CreateDescriptorPool
            | C::CreateFramebuffer
            | C::CreateRenderPass
            | C::CreateCommandPool
            | C::CreateSamplerYcbcrConversion
            | C::CreateDescriptorUpdateTemplate
            | C::CreateRenderPass2
            | C::CreatePrivateDataSlot
            | C::CreateAccelerationStructureKHR => {
                u64::from(
                    std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u64) -> i32>(
                        function,
                    )(long(0), long(1), long(2), long(3))
                    .cast_unsigned(),
                )
            }
            C::CreateGraphicsPipelines | C::CreateComputePipelines => {
                u64::from(
                    std::mem::transmute::<
                        RawFunction,
                        unsafe extern "C" fn(u64, u64, u32, u64, u64, u64) -> i32,
                    >(function)(long(0), long(1), word(2), long(3), long(4), long(5))
                    .cast_unsigned(),
                )
            }
            C::CreateInstance
            | C::EnumeratePhysicalDevices
            | C::EnumerateInstanceExtensionProperties
            | C::EnumerateDeviceLayerProperties
            | C::AllocateDescriptorSets
            | C::AllocateCommandBuffers
            | C::EnumeratePhysicalDeviceGroups
            | C::GetPhysicalDeviceImageFormatProperties2
            | C::GetSemaphoreCounterValue
            | C::WaitSemaphores
            | C::GetImageDrmFormatModifierPropertiesEXT
            | C::GetMemoryFdKHR
            | C::GetPhysicalDeviceToolProperties
            | C::GetPhysicalDeviceCalibrateableTimeDomainsKHR
            | C::GetFenceFdKHR
            | C::GetSemaphoreFdKHR
            | C::GetPhysicalDeviceFragmentShadingRatesKHR
            | C::MapMemory2
            | C::CreateDeferredOperationKHR
            | C::CopyAccelerationStructureKHR
            | C::CopyAccelerationStructureToMemoryKHR
            | C::CopyMemoryToAccelerationStructureKHR
            | C::GetPhysicalDeviceCooperativeMatrixPropertiesKHR => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64) -> i32>(function)(
                    long(0),
                    long(1),
                    long(2),
                )
                .cast_unsigned(),
            ),
            C::CreateRayTracingPipelinesKHR => u64::from(
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u64, u64, u32, u64, u64, u64) -> i32,
                >(function)(long(0), long(1), long(2), word(3), long(4), long(5), long(6))
                .cast_unsigned(),
            ),
            C::DestroyInstance
            | C::GetPhysicalDeviceFeatures
            | C::GetPhysicalDeviceProperties
            | C::GetPhysicalDeviceMemoryProperties
            | C::DestroyDevice
            | C::UnmapMemory
            | C::CmdSetBlendConstants
            | C::GetPhysicalDeviceFeatures2
            | C::GetPhysicalDeviceProperties2
            | C::GetPhysicalDeviceMemoryProperties2
            | C::CmdEndRenderPass2
            | C::CmdPipelineBarrier2
            | C::CmdCopyBuffer2
            | C::CmdCopyImage2
            | C::CmdCopyBufferToImage2
            | C::CmdCopyImageToBuffer2
            | C::CmdBlitImage2
            | C::CmdResolveImage2
            | C::CmdBeginRendering
            | C::CmdBeginConditionalRenderingEXT
            | C::CmdSetSampleLocationsEXT
            | C::CmdSetRenderingAttachmentLocations
            | C::CmdSetRenderingInputAttachmentIndices
            | C::CmdBindDescriptorSets2
            | C::CmdPushConstants2
            | C::CmdPushDescriptorSet2
            | C::CmdPushDescriptorSetWithTemplate2
            | C::CmdCopyAccelerationStructureKHR
            | C::CmdCopyAccelerationStructureToMemoryKHR
            | C::CmdCopyMemoryToAccelerationStructureKHR
            | C::CmdTraceRaysIndirect2KHR
            | C::CmdSetDepthBias2EXT
            | C::CmdBindSamplerHeapEXT
            | C::CmdBindResourceHeapEXT
            | C::CmdPushDataEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64)>(function)(
                    long(0),
                    long(1),
                );
                0
            }
            C::EnumerateInstanceLayerProperties
            | C::GetFenceStatus
            | C::GetEventStatus
            | C::SetEvent
            | C::ResetEvent
            | C::BeginCommandBuffer
            | C::SignalSemaphore
            | C::ImportFenceFdKHR
            | C::ImportSemaphoreFdKHR
            | C::UnmapMemory2
            | C::CopyMemoryToImage
            | C::CopyImageToMemory
            | C::CopyImageToImage
            | C::GetDeferredOperationResultKHR
            | C::DeferredOperationJoinKHR => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64) -> i32>(function)(
                    long(0),
                    long(1),
                )
                .cast_unsigned(),
            ),
            C::FlushMappedMemoryRanges
            | C::InvalidateMappedMemoryRanges
            | C::ResetFences
            | C::BindBufferMemory2
            | C::BindImageMemory2
            | C::TransitionImageLayout => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64) -> i32>(function)(
                    long(0),
                    word(1),
                    long(2),
                )
                .cast_unsigned(),
            ),
            C::FreeCommandBuffers => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u64)>(function)(
                    long(0),
                    long(1),
                    word(2),
                    long(3),
                );
                0
            }
            C::GetDeferredOperationMaxConcurrencyKHR => u64::from(std::mem::transmute::<
                RawFunction,
                unsafe extern "C" fn(u64, u64) -> u32,
            >(function)(long(0), long(1))),
            C::GetDeviceGroupPeerMemoryFeatures => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u32, u64)>(function)(
                    long(0),
                    word(1),
                    word(2),
                    word(3),
                    long(4),
                );
                0
            }
            C::GetDeviceQueue
            | C::CmdSetViewport
            | C::CmdSetScissor
            | C::CmdSetColorBlendEnableEXT
            | C::CmdSetColorBlendEquationEXT
            | C::CmdSetColorWriteMaskEXT
            | C::CmdSetColorBlendAdvancedEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u64)>(function)(
                    long(0),
                    word(1),
                    word(2),
                    long(3),
                );
                0
            }
            C::GetImageSparseMemoryRequirements
            | C::GetImageSubresourceLayout
            | C::GetImageSparseMemoryRequirements2
            | C::GetPhysicalDeviceSparseImageFormatProperties2
            | C::UpdateDescriptorSetWithTemplate
            | C::GetDeviceImageSparseMemoryRequirements
            | C::GetImageSubresourceLayout2 => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64, u64)>(function)(
                    long(0),
                    long(1),
                    long(2),
                    long(3),
                );
                0
            }
            C::GetInstanceProcAddr
            | C::GetDeviceProcAddr
            | C::GetBufferDeviceAddress
            | C::GetBufferOpaqueCaptureAddress
            | C::GetDeviceMemoryOpaqueCaptureAddress
            | C::GetAccelerationStructureDeviceAddressKHR => std::mem::transmute::<
                RawFunction,
                unsafe extern "C" fn(u64, u64) -> u64,
            >(function)(long(0), long(1)),
            C::GetMemoryFdPropertiesKHR => {
                u64::from(
                    std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u32, u64) -> i32>(
                        function,
                    )(long(0), word(1), word(2), long(3))
                    .cast_unsigned(),
                )
            }
            C::GetPhysicalDeviceDescriptorSizeEXT => std::mem::transmute::<
                RawFunction,
                unsafe extern "C" fn(u64, u32) -> u64,
            >(function)(long(0), word(1)),
            C::GetPhysicalDeviceFormatProperties
            | C::CmdBindPipeline
            | C::CmdExecuteCommands
            | C::GetPhysicalDeviceFormatProperties2
            | C::CmdSetViewportWithCount
            | C::CmdSetScissorWithCount
            | C::CmdSetColorWriteEnableEXT
            | C::CmdSetSampleMaskEXT
            | C::GetPhysicalDeviceMultisamplePropertiesEXT
            | C::CmdSetDepthClampRangeEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64)>(function)(
                    long(0),
                    word(1),
                    long(2),
                );
                0
            }
            C::GetPhysicalDeviceImageFormatProperties => u64::from(
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u32, u32, u32, u32, u32, u64) -> i32,
                >(function)(long(0), word(1), word(2), word(3), word(4), word(5), long(6))
                .cast_unsigned(),
            ),
            C::GetPhysicalDeviceQueueFamilyProperties
            | C::FreeMemory
            | C::GetDeviceMemoryCommitment
            | C::GetBufferMemoryRequirements
            | C::GetImageMemoryRequirements
            | C::DestroyFence
            | C::DestroySemaphore
            | C::DestroyEvent
            | C::DestroyQueryPool
            | C::DestroyBuffer
            | C::DestroyBufferView
            | C::DestroyImage
            | C::DestroyImageView
            | C::DestroyShaderModule
            | C::DestroyPipelineCache
            | C::DestroyPipeline
            | C::DestroyPipelineLayout
            | C::DestroySampler
            | C::DestroyDescriptorSetLayout
            | C::DestroyDescriptorPool
            | C::DestroyFramebuffer
            | C::DestroyRenderPass
            | C::GetRenderAreaGranularity
            | C::DestroyCommandPool
            | C::CmdDispatchIndirect
            | C::GetImageMemoryRequirements2
            | C::GetBufferMemoryRequirements2
            | C::GetPhysicalDeviceQueueFamilyProperties2
            | C::GetDeviceQueue2
            | C::DestroySamplerYcbcrConversion
            | C::DestroyDescriptorUpdateTemplate
            | C::GetPhysicalDeviceExternalBufferProperties
            | C::GetPhysicalDeviceExternalFenceProperties
            | C::GetPhysicalDeviceExternalSemaphoreProperties
            | C::GetDescriptorSetLayoutSupport
            | C::CmdBeginRenderPass2
            | C::CmdNextSubpass2
            | C::DestroyPrivateDataSlot
            | C::CmdSetEvent2
            | C::CmdResetEvent2
            | C::GetDeviceBufferMemoryRequirements
            | C::GetDeviceImageMemoryRequirements
            | C::CmdSetFragmentShadingRateKHR
            | C::GetRenderingAreaGranularity
            | C::GetDeviceImageSubresourceLayout
            | C::DestroyDeferredOperationKHR
            | C::DestroyAccelerationStructureKHR
            | C::GetDeviceAccelerationStructureCompatibilityKHR => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u64)>(function)(
                    long(0),
                    long(1),
                    long(2),
                );
                0
            }
            C::GetPhysicalDeviceSparseImageFormatProperties => {
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u32, u32, u32, u32, u32, u64, u64),
                >(function)(
                    long(0), word(1), word(2), word(3), word(4), word(5), long(6), long(7)
                );
                0
            }
            C::GetPrivateData | C::GetAccelerationStructureBuildSizesKHR => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u64, u64)>(function)(
                    long(0),
                    word(1),
                    long(2),
                    long(3),
                    long(4),
                );
                0
            }
            C::GetQueryPoolResults => u64::from(
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u64, u32, u32, u64, u64, u64, u32) -> i32,
                >(function)(
                    long(0), long(1), word(2), word(3), long(4), long(5), long(6), word(7)
                )
                .cast_unsigned(),
            ),
            C::GetRayTracingShaderGroupHandlesKHR | C::GetRayTracingCaptureReplayShaderGroupHandlesKHR => {
                u64::from(
                    std::mem::transmute::<
                        RawFunction,
                        unsafe extern "C" fn(u64, u64, u32, u32, u64, u64) -> i32,
                    >(function)(long(0), long(1), word(2), word(3), long(4), long(5))
                    .cast_unsigned(),
                )
            }
            C::GetRayTracingShaderGroupStackSizeKHR => std::mem::transmute::<
                RawFunction,
                unsafe extern "C" fn(u64, u64, u32, u32) -> u64,
            >(function)(
                long(0), long(1), word(2), word(3)
            ),
            C::MapMemory => {
                u64::from(
                    std::mem::transmute::<
                        RawFunction,
                        unsafe extern "C" fn(u64, u64, u64, u64, u32, u64) -> i32,
                    >(function)(long(0), long(1), long(2), long(3), word(4), long(5))
                    .cast_unsigned(),
                )
            }
            C::MergePipelineCaches | C::FreeDescriptorSets | C::RegisterCustomBorderColorEXT => {
                u64::from(
                    std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32, u64) -> i32>(
                        function,
                    )(long(0), long(1), word(2), long(3))
                    .cast_unsigned(),
                )
            }
            C::QueueSubmit
            | C::QueueBindSparse
            | C::QueueSubmit2
            | C::WriteSamplerDescriptorsEXT
            | C::WriteResourceDescriptorsEXT
            | C::GetImageOpaqueCaptureDataEXT => {
                u64::from(
                    std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u64) -> i32>(
                        function,
                    )(long(0), word(1), long(2), long(3))
                    .cast_unsigned(),
                )
            }
            C::QueueWaitIdle | C::DeviceWaitIdle | C::EndCommandBuffer | C::EnumerateInstanceVersion => {
                u64::from(
                    std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64) -> i32>(function)(long(0))
                        .cast_unsigned(),
                )
            }
            C::ResetCommandBuffer => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32) -> i32>(function)(
                    long(0),
                    word(1),
                )
                .cast_unsigned(),
            ),
            C::ResetDescriptorPool | C::ResetCommandPool => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u64, u32) -> i32>(function)(
                    long(0),
                    long(1),
                    word(2),
                )
                .cast_unsigned(),
            ),
            C::SetPrivateData | C::GetCalibratedTimestampsKHR => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u64, u64) -> i32>(
                    function,
                )(long(0), word(1), long(2), long(3), long(4))
                .cast_unsigned(),
            ),
            C::UpdateDescriptorSets | C::CmdClearAttachments | C::CmdSetVertexInputEXT => {
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u32, u64)>(function)(
                    long(0),
                    word(1),
                    long(2),
                    word(3),
                    long(4),
                );
                0
            }
            C::WaitForFences => u64::from(
                std::mem::transmute::<RawFunction, unsafe extern "C" fn(u64, u32, u64, u32, u64) -> i32>(
                    function,
                )(long(0), word(1), long(2), word(3), long(4))
                .cast_unsigned(),
            ),
            C::WriteAccelerationStructuresPropertiesKHR => u64::from(
                std::mem::transmute::<
                    RawFunction,
                    unsafe extern "C" fn(u64, u32, u64, u32, u64, u64, u64) -> i32,
                >(function)(long(0), word(1), long(2), word(3), long(4), long(5), long(6))
                .cast_unsigned(),
            ),
            // Venus's own commands: no driver has them.
            _ => 0,
        }
    }
}
