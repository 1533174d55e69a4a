// Made by scripts/venus-codec from the Vulkan registry 1.4.363: do not edit.
use super::*;

pub(in crate::venus) static ACCELERATION_STRUCTURE_BUILD_GEOMETRY_INFO_KHR: Struct = Struct { kind: Some(1000150000), bytes: 80, least: [72, 44], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Handle { at: 32, kind: ObjectType::AccelerationStructureKHR, nullable: true }, Op::Handle { at: 40, kind: ObjectType::AccelerationStructureKHR, nullable: true }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: true, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Struct(&ACCELERATION_STRUCTURE_GEOMETRY_KHR) }, Op::Array { at: 64, nullable: true, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Rows { lengths: Lengths::One, of: &Element::Struct(&ACCELERATION_STRUCTURE_GEOMETRY_KHR) } }, Op::Union { at: 72, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_BUILD_SIZES_INFO_KHR: Struct = Struct { kind: Some(1000150020), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_CREATE_INFO_KHR: Struct = Struct { kind: Some(1000150017), bytes: 64, least: [52, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 32, bytes: 20 }, Op::Copy { at: 56, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_DEVICE_ADDRESS_INFO_KHR: Struct = Struct { kind: Some(1000150002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::AccelerationStructureKHR, nullable: false }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_GEOMETRY_AABBS_DATA_KHR: Struct = Struct { kind: Some(1000150003), bytes: 32, least: [32, 24], repeats: false,
    whole: &[Op::Union { at: 16, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }, Op::Copy { at: 24, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_GEOMETRY_INSTANCES_DATA_KHR: Struct = Struct { kind: Some(1000150004), bytes: 32, least: [28, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Union { at: 24, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_GEOMETRY_KHR: Struct = Struct { kind: Some(1000150006), bytes: 96, least: [52, 44], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Union { at: 24, selector: Some(16), arms: &[(0, &[Op::Struct { at: 0, of: &ACCELERATION_STRUCTURE_GEOMETRY_TRIANGLES_DATA_KHR }]), (1, &[Op::Struct { at: 0, of: &ACCELERATION_STRUCTURE_GEOMETRY_AABBS_DATA_KHR }]), (2, &[Op::Struct { at: 0, of: &ACCELERATION_STRUCTURE_GEOMETRY_INSTANCES_DATA_KHR }])] }, Op::Copy { at: 88, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_GEOMETRY_TRIANGLES_DATA_KHR: Struct = Struct { kind: Some(1000150005), bytes: 64, least: [68, 48], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Union { at: 24, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }, Op::Copy { at: 32, bytes: 16 }, Op::Union { at: 48, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }, Op::Union { at: 56, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ACCELERATION_STRUCTURE_VERSION_INFO_KHR: Struct = Struct { kind: Some(1000150009), bytes: 24, least: [20, 20], repeats: false,
    whole: &[Op::Array { at: 16, nullable: false, count: Count::Fixed(32), element: Element::Bytes(1) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static APPLICATION_INFO: Struct = Struct { kind: Some(0), bytes: 48, least: [40, 28], repeats: false,
    whole: &[Op::Text { at: 16, nullable: true }, Op::Copy { at: 24, bytes: 4 }, Op::Text { at: 32, nullable: true }, Op::Copy { at: 40, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ATTACHMENT_DESCRIPTION2: Struct = Struct { kind: Some(1000109000), bytes: 56, least: [48, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 36 }],
    skeleton: &[],
    chain: &[(1000241002, &ATTACHMENT_DESCRIPTION_STENCIL_LAYOUT)] };
pub(in crate::venus) static ATTACHMENT_DESCRIPTION_STENCIL_LAYOUT: Struct = Struct { kind: Some(1000241002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ATTACHMENT_REFERENCE2: Struct = Struct { kind: Some(1000109001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000241001, &ATTACHMENT_REFERENCE_STENCIL_LAYOUT)] };
pub(in crate::venus) static ATTACHMENT_REFERENCE_STENCIL_LAYOUT: Struct = Struct { kind: Some(1000241001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static ATTACHMENT_SAMPLE_LOCATIONS_EXT: Struct = Struct { kind: None, bytes: 48, least: [40, 24], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 4 }, Op::Struct { at: 8, of: &SAMPLE_LOCATIONS_INFO_EXT }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BIND_BUFFER_MEMORY_DEVICE_GROUP_INFO: Struct = Struct { kind: Some(1000060013), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BIND_BUFFER_MEMORY_INFO: Struct = Struct { kind: Some(1000157000), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Buffer, nullable: false }, Op::Handle { at: 24, kind: ObjectType::DeviceMemory, nullable: false }, Op::Copy { at: 32, bytes: 8 }],
    skeleton: &[],
    chain: &[(1000060013, &BIND_BUFFER_MEMORY_DEVICE_GROUP_INFO), (1000545002, &BIND_MEMORY_STATUS)] };
pub(in crate::venus) static BIND_DESCRIPTOR_SETS_INFO: Struct = Struct { kind: Some(1000545003), bytes: 64, least: [52, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::PipelineLayout, nullable: true }, Op::Copy { at: 32, bytes: 8 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 36, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::DescriptorSet, nullable: false } }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: true, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[(30, &PIPELINE_LAYOUT_CREATE_INFO)] };
pub(in crate::venus) static BIND_HEAP_INFO_EXT: Struct = Struct { kind: Some(1000135003), bytes: 48, least: [44, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 32 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BIND_IMAGE_MEMORY_DEVICE_GROUP_INFO: Struct = Struct { kind: Some(1000060014), bytes: 48, least: [36, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(16) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BIND_IMAGE_MEMORY_INFO: Struct = Struct { kind: Some(1000157001), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }, Op::Handle { at: 24, kind: ObjectType::DeviceMemory, nullable: true }, Op::Copy { at: 32, bytes: 8 }],
    skeleton: &[],
    chain: &[(1000060014, &BIND_IMAGE_MEMORY_DEVICE_GROUP_INFO), (1000156002, &BIND_IMAGE_PLANE_MEMORY_INFO), (1000545002, &BIND_MEMORY_STATUS)] };
pub(in crate::venus) static BIND_IMAGE_PLANE_MEMORY_INFO: Struct = Struct { kind: Some(1000156002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BIND_MEMORY_STATUS: Struct = Struct { kind: Some(1000545002), bytes: 24, least: [20, 20], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: false, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BIND_SPARSE_INFO: Struct = Struct { kind: Some(7), bytes: 96, least: [72, 72], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::Semaphore, nullable: false } }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SPARSE_BUFFER_MEMORY_BIND_INFO) }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SPARSE_IMAGE_OPAQUE_MEMORY_BIND_INFO) }, Op::Copy { at: 64, bytes: 4 }, Op::Array { at: 72, nullable: false, count: Count::Member { at: 64, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SPARSE_IMAGE_MEMORY_BIND_INFO) }, Op::Copy { at: 80, bytes: 4 }, Op::Array { at: 88, nullable: false, count: Count::Member { at: 80, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::Semaphore, nullable: false } }],
    skeleton: &[],
    chain: &[(1000060006, &DEVICE_GROUP_BIND_SPARSE_INFO), (1000207003, &TIMELINE_SEMAPHORE_SUBMIT_INFO)] };
pub(in crate::venus) static BLIT_IMAGE_INFO2: Struct = Struct { kind: Some(1000337004), bytes: 64, least: [52, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 24, bytes: 4 }, Op::Handle { at: 32, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 40, bytes: 8 }, Op::Array { at: 48, nullable: false, count: Count::Member { at: 44, bytes: 4, rule: Rule::Same }, element: Element::Struct(&IMAGE_BLIT2) }, Op::Copy { at: 56, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_COPY2: Struct = Struct { kind: Some(1000337006), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_CREATE_INFO: Struct = Struct { kind: Some(12), bytes: 56, least: [44, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Copy { at: 24, bytes: 20 }, Op::Array { at: 48, nullable: true, count: Count::Member { at: 40, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[(1000072000, &EXTERNAL_MEMORY_BUFFER_CREATE_INFO), (1000244002, &BUFFER_DEVICE_ADDRESS_CREATE_INFO_EXT), (1000257002, &BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO), (1000470006, &BUFFER_USAGE_FLAGS2_CREATE_INFO)] };
pub(in crate::venus) static BUFFER_DEVICE_ADDRESS_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000244002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_DEVICE_ADDRESS_INFO: Struct = Struct { kind: Some(1000244001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Buffer, nullable: false }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_IMAGE_COPY2: Struct = Struct { kind: Some(1000337009), bytes: 72, least: [68, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 56 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_MEMORY_BARRIER: Struct = Struct { kind: Some(44), bytes: 56, least: [52, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }, Op::Handle { at: 32, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 40, bytes: 16 }],
    skeleton: &[],
    chain: &[(1000453000, &EXTERNAL_MEMORY_ACQUIRE_UNMODIFIED_EXT)] };
pub(in crate::venus) static BUFFER_MEMORY_BARRIER2: Struct = Struct { kind: Some(1000314001), bytes: 80, least: [76, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 40 }, Op::Handle { at: 56, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 64, bytes: 16 }],
    skeleton: &[],
    chain: &[(1000453000, &EXTERNAL_MEMORY_ACQUIRE_UNMODIFIED_EXT)] };
pub(in crate::venus) static BUFFER_MEMORY_REQUIREMENTS_INFO2: Struct = Struct { kind: Some(1000146000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Buffer, nullable: false }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO: Struct = Struct { kind: Some(1000257002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_USAGE_FLAGS2_CREATE_INFO: Struct = Struct { kind: Some(1000470006), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static BUFFER_VIEW_CREATE_INFO: Struct = Struct { kind: Some(13), bytes: 56, least: [44, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 32, bytes: 4 }, Op::Copy { at: 40, bytes: 16 }],
    skeleton: &[],
    chain: &[(1000470006, &BUFFER_USAGE_FLAGS2_CREATE_INFO)] };
pub(in crate::venus) static CALIBRATED_TIMESTAMP_INFO_KHR: Struct = Struct { kind: Some(1000184000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static CLEAR_ATTACHMENT: Struct = Struct { kind: None, bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 8 }, Op::Union { at: 8, selector: None, arms: &[(0, &[Op::Union { at: 0, selector: None, arms: &[(0, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (1, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (2, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }])] }]), (1, &[Op::Copy { at: 0, bytes: 8 }])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static CLEAR_COLOR_VALUE: Struct = Struct { kind: None, bytes: 16, least: [28, 0], repeats: false,
    whole: &[Op::Union { at: 0, selector: None, arms: &[(0, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (1, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (2, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static CLEAR_VALUE: Struct = Struct { kind: None, bytes: 16, least: [12, 0], repeats: false,
    whole: &[Op::Union { at: 0, selector: None, arms: &[(0, &[Op::Union { at: 0, selector: None, arms: &[(0, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (1, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (2, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }])] }]), (1, &[Op::Copy { at: 0, bytes: 8 }])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMMAND_BUFFER_ALLOCATE_INFO: Struct = Struct { kind: Some(40), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::CommandPool, nullable: false }, Op::Copy { at: 24, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMMAND_BUFFER_BEGIN_INFO: Struct = Struct { kind: Some(42), bytes: 32, least: [24, 20], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Pointer { at: 24, nullable: true, element: Element::Struct(&COMMAND_BUFFER_INHERITANCE_INFO) }],
    skeleton: &[],
    chain: &[(1000060004, &DEVICE_GROUP_COMMAND_BUFFER_BEGIN_INFO)] };
pub(in crate::venus) static COMMAND_BUFFER_INHERITANCE_CONDITIONAL_RENDERING_INFO_EXT: Struct = Struct { kind: Some(1000081000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMMAND_BUFFER_INHERITANCE_DESCRIPTOR_HEAP_INFO_EXT: Struct = Struct { kind: Some(1000135010), bytes: 32, least: [28, 28], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: true, element: Element::Struct(&BIND_HEAP_INFO_EXT) }, Op::Pointer { at: 24, nullable: true, element: Element::Struct(&BIND_HEAP_INFO_EXT) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMMAND_BUFFER_INHERITANCE_INFO: Struct = Struct { kind: Some(41), bytes: 56, least: [44, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::RenderPass, nullable: true }, Op::Copy { at: 24, bytes: 4 }, Op::Handle { at: 32, kind: ObjectType::Framebuffer, nullable: true }, Op::Copy { at: 40, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000044004, &COMMAND_BUFFER_INHERITANCE_RENDERING_INFO), (1000081000, &COMMAND_BUFFER_INHERITANCE_CONDITIONAL_RENDERING_INFO_EXT), (1000135010, &COMMAND_BUFFER_INHERITANCE_DESCRIPTOR_HEAP_INFO_EXT), (1000232001, &RENDERING_ATTACHMENT_LOCATION_INFO), (1000232002, &RENDERING_INPUT_ATTACHMENT_INDEX_INFO)] };
pub(in crate::venus) static COMMAND_BUFFER_INHERITANCE_RENDERING_INFO: Struct = Struct { kind: Some(1000044004), bytes: 56, least: [44, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 40, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMMAND_BUFFER_SUBMIT_INFO: Struct = Struct { kind: Some(1000314006), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::CommandBuffer, nullable: false }, Op::Copy { at: 24, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMMAND_POOL_CREATE_INFO: Struct = Struct { kind: Some(39), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMMAND_STREAM_DESCRIPTION_MESA: Struct = Struct { kind: None, bytes: 24, least: [20, 0], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 4 }, Op::Copy { at: 8, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COMPUTE_PIPELINE_CREATE_INFO: Struct = Struct { kind: Some(29), bytes: 96, least: [80, 40], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Struct { at: 24, of: &PIPELINE_SHADER_STAGE_CREATE_INFO }, Op::Handle { at: 72, kind: ObjectType::PipelineLayout, nullable: true }, Op::Handle { at: 80, kind: ObjectType::Pipeline, nullable: true }, Op::Copy { at: 88, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000068000, &PIPELINE_ROBUSTNESS_CREATE_INFO), (1000192000, &PIPELINE_CREATION_FEEDBACK_CREATE_INFO), (1000470005, &PIPELINE_CREATE_FLAGS2_CREATE_INFO)] };
pub(in crate::venus) static CONDITIONAL_RENDERING_BEGIN_INFO_EXT: Struct = Struct { kind: Some(1000081002), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 24, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COOPERATIVE_MATRIX_PROPERTIES_KHR: Struct = Struct { kind: Some(1000506001), bytes: 56, least: [48, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 36 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_ACCELERATION_STRUCTURE_INFO_KHR: Struct = Struct { kind: Some(1000150010), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::AccelerationStructureKHR, nullable: false }, Op::Handle { at: 24, kind: ObjectType::AccelerationStructureKHR, nullable: false }, Op::Copy { at: 32, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_ACCELERATION_STRUCTURE_TO_MEMORY_INFO_KHR: Struct = Struct { kind: Some(1000150011), bytes: 40, least: [36, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::AccelerationStructureKHR, nullable: false }, Op::Union { at: 24, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }, Op::Copy { at: 32, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_BUFFER_INFO2: Struct = Struct { kind: Some(1000337000), bytes: 48, least: [40, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Buffer, nullable: false }, Op::Handle { at: 24, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&BUFFER_COPY2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_BUFFER_TO_IMAGE_INFO2: Struct = Struct { kind: Some(1000337002), bytes: 48, least: [44, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Buffer, nullable: false }, Op::Handle { at: 24, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 32, bytes: 8 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 36, bytes: 4, rule: Rule::Same }, element: Element::Struct(&BUFFER_IMAGE_COPY2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_DESCRIPTOR_SET: Struct = Struct { kind: Some(36), bytes: 56, least: [48, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::DescriptorSet, nullable: false }, Op::Copy { at: 24, bytes: 8 }, Op::Handle { at: 32, kind: ObjectType::DescriptorSet, nullable: false }, Op::Copy { at: 40, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_IMAGE_INFO2: Struct = Struct { kind: Some(1000337001), bytes: 56, least: [48, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 24, bytes: 4 }, Op::Handle { at: 32, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 40, bytes: 8 }, Op::Array { at: 48, nullable: false, count: Count::Member { at: 44, bytes: 4, rule: Rule::Same }, element: Element::Struct(&IMAGE_COPY2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_IMAGE_TO_BUFFER_INFO2: Struct = Struct { kind: Some(1000337003), bytes: 56, least: [44, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 24, bytes: 4 }, Op::Handle { at: 32, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 40, bytes: 4 }, Op::Array { at: 48, nullable: false, count: Count::Member { at: 40, bytes: 4, rule: Rule::Same }, element: Element::Struct(&BUFFER_IMAGE_COPY2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_IMAGE_TO_IMAGE_INFO: Struct = Struct { kind: Some(1000270007), bytes: 64, least: [52, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 32, bytes: 4 }, Op::Handle { at: 40, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 48, bytes: 8 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 52, bytes: 4, rule: Rule::Same }, element: Element::Struct(&IMAGE_COPY2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_IMAGE_TO_MEMORY_INFO_MESA: Struct = Struct { kind: Some(1000384008), bytes: 88, least: [76, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 32, bytes: 52 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_MEMORY_TO_ACCELERATION_STRUCTURE_INFO_KHR: Struct = Struct { kind: Some(1000150012), bytes: 40, least: [36, 24], repeats: false,
    whole: &[Op::Union { at: 16, selector: None, arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }]), (1, &[Op::Null])] }, Op::Handle { at: 24, kind: ObjectType::AccelerationStructureKHR, nullable: false }, Op::Copy { at: 32, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static COPY_MEMORY_TO_IMAGE_INFO_MESA: Struct = Struct { kind: Some(1000384010), bytes: 48, least: [40, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 32, bytes: 8 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 36, bytes: 4, rule: Rule::Same }, element: Element::Struct(&MEMORY_TO_IMAGE_COPY_MESA) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEPENDENCY_INFO: Struct = Struct { kind: Some(1000314003), bytes: 64, least: [52, 48], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Struct(&MEMORY_BARRIER2) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&BUFFER_MEMORY_BARRIER2) }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Struct(&IMAGE_MEMORY_BARRIER2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEPTH_BIAS_INFO_EXT: Struct = Struct { kind: Some(1000283001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000283002, &DEPTH_BIAS_REPRESENTATION_INFO_EXT)] };
pub(in crate::venus) static DEPTH_BIAS_REPRESENTATION_INFO_EXT: Struct = Struct { kind: Some(1000283002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_BUFFER_INFO: Struct = Struct { kind: None, bytes: 24, least: [24, 0], repeats: false,
    whole: &[Op::Handle { at: 0, kind: ObjectType::Buffer, nullable: true }, Op::Copy { at: 8, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_IMAGE_INFO: Struct = Struct { kind: None, bytes: 24, least: [20, 0], repeats: false,
    whole: &[Op::Handle { at: 0, kind: ObjectType::Sampler, nullable: true }, Op::Handle { at: 8, kind: ObjectType::ImageView, nullable: true }, Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_POOL_CREATE_INFO: Struct = Struct { kind: Some(33), bytes: 40, least: [32, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }],
    skeleton: &[],
    chain: &[(1000138003, &DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO), (1000351002, &MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT)] };
pub(in crate::venus) static DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO: Struct = Struct { kind: Some(1000138003), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_SET_ALLOCATE_INFO: Struct = Struct { kind: Some(34), bytes: 40, least: [32, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::DescriptorPool, nullable: false }, Op::Copy { at: 24, bytes: 4 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::DescriptorSetLayout, nullable: false } }],
    skeleton: &[],
    chain: &[(1000161003, &DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO)] };
pub(in crate::venus) static DESCRIPTOR_SET_AND_BINDING_MAPPING_EXT: Struct = Struct { kind: Some(1000135005), bytes: 96, least: [40, 20], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }, Op::Union { at: 40, selector: Some(32), arms: &[(0, &[Op::Copy { at: 0, bytes: 8 }, Op::Pointer { at: 8, nullable: true, element: Element::Struct(&SAMPLER_CREATE_INFO) }, Op::Copy { at: 16, bytes: 8 }]), (1, &[Op::Copy { at: 0, bytes: 16 }, Op::Pointer { at: 16, nullable: true, element: Element::Struct(&SAMPLER_CREATE_INFO) }, Op::Copy { at: 24, bytes: 20 }]), (2, &[Op::Copy { at: 0, bytes: 20 }, Op::Pointer { at: 24, nullable: true, element: Element::Struct(&SAMPLER_CREATE_INFO) }, Op::Copy { at: 32, bytes: 24 }]), (3, &[Op::Copy { at: 0, bytes: 16 }, Op::Pointer { at: 16, nullable: true, element: Element::Struct(&SAMPLER_CREATE_INFO) }, Op::Copy { at: 24, bytes: 20 }]), (4, &[Op::Copy { at: 0, bytes: 8 }]), (5, &[Op::Copy { at: 0, bytes: 4 }]), (6, &[Op::Copy { at: 0, bytes: 4 }]), (7, &[Op::Copy { at: 0, bytes: 8 }]), (8, &[Op::Copy { at: 0, bytes: 16 }, Op::Pointer { at: 16, nullable: true, element: Element::Struct(&SAMPLER_CREATE_INFO) }, Op::Copy { at: 24, bytes: 20 }]), (9, &[Op::Copy { at: 0, bytes: 4 }]), (10, &[Op::Copy { at: 0, bytes: 4 }])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_SET_LAYOUT_BINDING: Struct = Struct { kind: None, bytes: 24, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 16 }, Op::Array { at: 16, nullable: true, count: Count::Member { at: 8, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::Sampler, nullable: true } }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO: Struct = Struct { kind: Some(1000161000), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_SET_LAYOUT_CREATE_INFO: Struct = Struct { kind: Some(32), bytes: 32, least: [28, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Struct(&DESCRIPTOR_SET_LAYOUT_BINDING) }],
    skeleton: &[],
    chain: &[(1000161000, &DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO), (1000351002, &MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT)] };
pub(in crate::venus) static DESCRIPTOR_SET_LAYOUT_SUPPORT: Struct = Struct { kind: Some(1000168001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000161004, &DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_LAYOUT_SUPPORT)] };
pub(in crate::venus) static DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO: Struct = Struct { kind: Some(1000161003), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_LAYOUT_SUPPORT: Struct = Struct { kind: Some(1000161004), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO: Struct = Struct { kind: Some(1000085000), bytes: 72, least: [56, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(32) }, Op::Copy { at: 32, bytes: 4 }, Op::Handle { at: 40, kind: ObjectType::DescriptorSetLayout, nullable: true }, Op::Copy { at: 48, bytes: 4 }, Op::Handle { at: 56, kind: ObjectType::PipelineLayout, nullable: true }, Op::Copy { at: 64, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_BUFFER_MEMORY_REQUIREMENTS: Struct = Struct { kind: Some(1000413002), bytes: 24, least: [20, 20], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: false, element: Element::Struct(&BUFFER_CREATE_INFO) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_CREATE_INFO: Struct = Struct { kind: Some(3), bytes: 72, least: [60, 56], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Struct(&DEVICE_QUEUE_CREATE_INFO) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Text }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Text }, Op::Pointer { at: 64, nullable: true, element: Element::Bytes(220) }],
    skeleton: &[],
    chain: &[(49, &PHYSICAL_DEVICE_VULKAN11_FEATURES), (51, &PHYSICAL_DEVICE_VULKAN12_FEATURES), (53, &PHYSICAL_DEVICE_VULKAN13_FEATURES), (55, &PHYSICAL_DEVICE_VULKAN14_FEATURES), (1000028000, &PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT), (1000044003, &PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES), (1000053001, &PHYSICAL_DEVICE_MULTIVIEW_FEATURES), (1000059000, &PHYSICAL_DEVICE_FEATURES2), (1000063000, &PHYSICAL_DEVICE_SHADER_DRAW_PARAMETERS_FEATURES), (1000066000, &PHYSICAL_DEVICE_TEXTURE_COMPRESSION_ASTCHDR_FEATURES), (1000068001, &PHYSICAL_DEVICE_PIPELINE_ROBUSTNESS_FEATURES), (1000070001, &DEVICE_GROUP_DEVICE_CREATE_INFO), (1000081001, &PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT), (1000082000, &PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES), (1000083000, &PHYSICAL_DEVICE16_BIT_STORAGE_FEATURES), (1000102000, &PHYSICAL_DEVICE_DEPTH_CLIP_ENABLE_FEATURES_EXT), (1000108000, &PHYSICAL_DEVICE_IMAGELESS_FRAMEBUFFER_FEATURES), (1000120000, &PHYSICAL_DEVICE_VARIABLE_POINTERS_FEATURES), (1000135009, &PHYSICAL_DEVICE_DESCRIPTOR_HEAP_FEATURES_EXT), (1000138000, &PHYSICAL_DEVICE_INLINE_UNIFORM_BLOCK_FEATURES), (1000141000, &PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR), (1000145001, &PHYSICAL_DEVICE_PROTECTED_MEMORY_FEATURES), (1000148000, &PHYSICAL_DEVICE_BLEND_OPERATION_ADVANCED_FEATURES_EXT), (1000150013, &PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR), (1000156004, &PHYSICAL_DEVICE_SAMPLER_YCBCR_CONVERSION_FEATURES), (1000161001, &PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_FEATURES), (1000175000, &PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES), (1000177000, &PHYSICAL_DEVICE8_BIT_STORAGE_FEATURES), (1000180000, &PHYSICAL_DEVICE_SHADER_ATOMIC_INT64_FEATURES), (1000181000, &PHYSICAL_DEVICE_SHADER_CLOCK_FEATURES_KHR), (1000190002, &PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_FEATURES), (1000201000, &PHYSICAL_DEVICE_COMPUTE_SHADER_DERIVATIVES_FEATURES_KHR), (1000203000, &PHYSICAL_DEVICE_FRAGMENT_SHADER_BARYCENTRIC_FEATURES_KHR), (1000207000, &PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES), (1000211000, &PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES), (1000215000, &PHYSICAL_DEVICE_SHADER_TERMINATE_INVOCATION_FEATURES), (1000221000, &PHYSICAL_DEVICE_SCALAR_BLOCK_LAYOUT_FEATURES), (1000225002, &PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES), (1000226003, &PHYSICAL_DEVICE_FRAGMENT_SHADING_RATE_FEATURES_KHR), (1000232000, &PHYSICAL_DEVICE_DYNAMIC_RENDERING_LOCAL_READ_FEATURES), (1000234000, &PHYSICAL_DEVICE_SHADER_IMAGE_ATOMIC_INT64_FEATURES_EXT), (1000235000, &PHYSICAL_DEVICE_SHADER_QUAD_CONTROL_FEATURES_KHR), (1000241000, &PHYSICAL_DEVICE_SEPARATE_DEPTH_STENCIL_LAYOUTS_FEATURES), (1000244000, &PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_EXT), (1000251000, &PHYSICAL_DEVICE_FRAGMENT_SHADER_INTERLOCK_FEATURES_EXT), (1000252000, &PHYSICAL_DEVICE_YCBCR_IMAGE_ARRAYS_FEATURES_EXT), (1000253000, &PHYSICAL_DEVICE_UNIFORM_BUFFER_STANDARD_LAYOUT_FEATURES), (1000254000, &PHYSICAL_DEVICE_PROVOKING_VERTEX_FEATURES_EXT), (1000257000, &PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES), (1000259000, &PHYSICAL_DEVICE_LINE_RASTERIZATION_FEATURES), (1000260000, &PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT_FEATURES_EXT), (1000261000, &PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES), (1000265000, &PHYSICAL_DEVICE_INDEX_TYPE_UINT8_FEATURES), (1000267000, &PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_FEATURES_EXT), (1000270000, &PHYSICAL_DEVICE_HOST_IMAGE_COPY_FEATURES), (1000273000, &PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT2_FEATURES_EXT), (1000276000, &PHYSICAL_DEVICE_SHADER_DEMOTE_TO_HELPER_INVOCATION_FEATURES), (1000280000, &PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES), (1000281000, &PHYSICAL_DEVICE_TEXEL_BUFFER_ALIGNMENT_FEATURES_EXT), (1000283000, &PHYSICAL_DEVICE_DEPTH_BIAS_CONTROL_FEATURES_EXT), (1000286000, &PHYSICAL_DEVICE_ROBUSTNESS2_FEATURES_KHR), (1000287002, &PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT), (1000295000, &PHYSICAL_DEVICE_PRIVATE_DATA_FEATURES), (1000295001, &DEVICE_PRIVATE_DATA_CREATE_INFO), (1000297000, &PHYSICAL_DEVICE_PIPELINE_CREATION_CACHE_CONTROL_FEATURES), (1000314007, &PHYSICAL_DEVICE_SYNCHRONIZATION2_FEATURES), (1000320000, &PHYSICAL_DEVICE_GRAPHICS_PIPELINE_LIBRARY_FEATURES_EXT), (1000323000, &PHYSICAL_DEVICE_SHADER_SUBGROUP_UNIFORM_CONTROL_FLOW_FEATURES_KHR), (1000325000, &PHYSICAL_DEVICE_ZERO_INITIALIZE_WORKGROUP_MEMORY_FEATURES), (1000328000, &PHYSICAL_DEVICE_MESH_SHADER_FEATURES_EXT), (1000330000, &PHYSICAL_DEVICE_YCBCR2_PLANE444_FORMATS_FEATURES_EXT), (1000335000, &PHYSICAL_DEVICE_IMAGE_ROBUSTNESS_FEATURES), (1000336000, &PHYSICAL_DEVICE_WORKGROUP_MEMORY_EXPLICIT_LAYOUT_FEATURES_KHR), (1000339000, &PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_LAYOUT_FEATURES_EXT), (1000340000, &PHYSICAL_DEVICE4444_FORMATS_FEATURES_EXT), (1000342000, &PHYSICAL_DEVICE_RASTERIZATION_ORDER_ATTACHMENT_ACCESS_FEATURES_EXT), (1000347000, &PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR), (1000348013, &PHYSICAL_DEVICE_RAY_QUERY_FEATURES_KHR), (1000351000, &PHYSICAL_DEVICE_MUTABLE_DESCRIPTOR_TYPE_FEATURES_EXT), (1000352000, &PHYSICAL_DEVICE_VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT), (1000355000, &PHYSICAL_DEVICE_DEPTH_CLIP_CONTROL_FEATURES_EXT), (1000356000, &PHYSICAL_DEVICE_PRIMITIVE_TOPOLOGY_LIST_RESTART_FEATURES_EXT), (1000376000, &PHYSICAL_DEVICE_MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_FEATURES_EXT), (1000377000, &PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE2_FEATURES_EXT), (1000381000, &PHYSICAL_DEVICE_COLOR_WRITE_ENABLE_FEATURES_EXT), (1000382000, &PHYSICAL_DEVICE_PRIMITIVES_GENERATED_QUERY_FEATURES_EXT), (1000386000, &PHYSICAL_DEVICE_RAY_TRACING_MAINTENANCE1_FEATURES_KHR), (1000387000, &PHYSICAL_DEVICE_SHADER_UNTYPED_POINTERS_FEATURES_KHR), (1000388000, &PHYSICAL_DEVICE_GLOBAL_PRIORITY_QUERY_FEATURES), (1000391000, &PHYSICAL_DEVICE_IMAGE_VIEW_MIN_LOD_FEATURES_EXT), (1000392000, &PHYSICAL_DEVICE_MULTI_DRAW_FEATURES_EXT), (1000393000, &PHYSICAL_DEVICE_IMAGE2_D_VIEW_OF3_D_FEATURES_EXT), (1000411000, &PHYSICAL_DEVICE_BORDER_COLOR_SWIZZLE_FEATURES_EXT), (1000413000, &PHYSICAL_DEVICE_MAINTENANCE4_FEATURES), (1000416000, &PHYSICAL_DEVICE_SHADER_SUBGROUP_ROTATE_FEATURES), (1000418000, &PHYSICAL_DEVICE_IMAGE_SLICED_VIEW_OF3_D_FEATURES_EXT), (1000421000, &PHYSICAL_DEVICE_DEPTH_CLAMP_ZERO_ONE_FEATURES_KHR), (1000422000, &PHYSICAL_DEVICE_NON_SEAMLESS_CUBE_MAP_FEATURES_EXT), (1000434000, &PHYSICAL_DEVICE_SHADER_MAXIMAL_RECONVERGENCE_FEATURES_KHR), (1000451000, &PHYSICAL_DEVICE_NESTED_COMMAND_BUFFER_FEATURES_EXT), (1000455000, &PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE3_FEATURES_EXT), (1000465000, &PHYSICAL_DEVICE_LEGACY_DITHERING_FEATURES_EXT), (1000466000, &PHYSICAL_DEVICE_PIPELINE_PROTECTED_ACCESS_FEATURES), (1000470000, &PHYSICAL_DEVICE_MAINTENANCE5_FEATURES), (1000481000, &PHYSICAL_DEVICE_RAY_TRACING_POSITION_FETCH_FEATURES_KHR), (1000495000, &PHYSICAL_DEVICE_LEGACY_VERTEX_ATTRIBUTES_FEATURES_EXT), (1000498000, &PHYSICAL_DEVICE_PIPELINE_LIBRARY_GROUP_HANDLES_FEATURES_KHR), (1000499000, &PHYSICAL_DEVICE_DYNAMIC_RENDERING_UNUSED_ATTACHMENTS_FEATURES_EXT), (1000506000, &PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR), (1000524000, &PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_DYNAMIC_STATE_FEATURES_EXT), (1000528000, &PHYSICAL_DEVICE_SHADER_FLOAT_CONTROLS2_FEATURES), (1000544000, &PHYSICAL_DEVICE_SHADER_EXPECT_ASSUME_FEATURES), (1000545000, &PHYSICAL_DEVICE_MAINTENANCE6_FEATURES), (1000558000, &PHYSICAL_DEVICE_SHADER_RELAXED_EXTENDED_INSTRUCTION_FEATURES_KHR), (1000562000, &PHYSICAL_DEVICE_MAINTENANCE7_FEATURES_KHR), (1000564000, &PHYSICAL_DEVICE_SHADER_REPLICATED_COMPOSITES_FEATURES_EXT), (1000567000, &PHYSICAL_DEVICE_SHADER_FLOAT8_FEATURES_EXT), (1000579000, &PHYSICAL_DEVICE_SHADER_FMA_FEATURES_KHR), (1000582000, &PHYSICAL_DEVICE_DEPTH_CLAMP_CONTROL_FEATURES_EXT), (1000642000, &PHYSICAL_DEVICE_SHADER_UNIFORM_BUFFER_UNSIZED_ARRAY_FEATURES_EXT)] };
pub(in crate::venus) static DEVICE_GROUP_BIND_SPARSE_INFO: Struct = Struct { kind: Some(1000060006), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_GROUP_COMMAND_BUFFER_BEGIN_INFO: Struct = Struct { kind: Some(1000060004), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_GROUP_DEVICE_CREATE_INFO: Struct = Struct { kind: Some(1000070001), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::PhysicalDevice, nullable: false } }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_GROUP_RENDER_PASS_BEGIN_INFO: Struct = Struct { kind: Some(1000060003), bytes: 32, least: [28, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(16) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_GROUP_SUBMIT_INFO: Struct = Struct { kind: Some(1000060005), bytes: 64, least: [48, 48], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_IMAGE_MEMORY_REQUIREMENTS: Struct = Struct { kind: Some(1000413003), bytes: 32, least: [24, 20], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: false, element: Element::Struct(&IMAGE_CREATE_INFO) }, Op::Copy { at: 24, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_IMAGE_SUBRESOURCE_INFO: Struct = Struct { kind: Some(1000470004), bytes: 32, least: [28, 28], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: false, element: Element::Struct(&IMAGE_CREATE_INFO) }, Op::Pointer { at: 24, nullable: false, element: Element::Struct(&IMAGE_SUBRESOURCE2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_MEMORY_OPAQUE_CAPTURE_ADDRESS_INFO: Struct = Struct { kind: Some(1000257004), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::DeviceMemory, nullable: false }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_PRIVATE_DATA_CREATE_INFO: Struct = Struct { kind: Some(1000295001), bytes: 24, least: [16, 12], repeats: true,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_QUEUE_CREATE_INFO: Struct = Struct { kind: Some(2), bytes: 40, least: [32, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[(1000174000, &DEVICE_QUEUE_GLOBAL_PRIORITY_CREATE_INFO)] };
pub(in crate::venus) static DEVICE_QUEUE_GLOBAL_PRIORITY_CREATE_INFO: Struct = Struct { kind: Some(1000174000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DEVICE_QUEUE_INFO2: Struct = Struct { kind: Some(1000145003), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000384005, &DEVICE_QUEUE_TIMELINE_INFO_MESA)] };
pub(in crate::venus) static DEVICE_QUEUE_TIMELINE_INFO_MESA: Struct = Struct { kind: Some(1000384005), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DRM_FORMAT_MODIFIER_PROPERTIES2_EXT: Struct = Struct { kind: None, bytes: 24, least: [20, 0], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 12 }, Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static DRM_FORMAT_MODIFIER_PROPERTIES_LIST2_EXT: Struct = Struct { kind: Some(1000158006), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Struct(&DRM_FORMAT_MODIFIER_PROPERTIES2_EXT) }],
    skeleton: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Struct(&DRM_FORMAT_MODIFIER_PROPERTIES2_EXT) }],
    chain: &[] };
pub(in crate::venus) static DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT: Struct = Struct { kind: Some(1000158000), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(16) }],
    skeleton: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(16) }],
    chain: &[] };
pub(in crate::venus) static EVENT_CREATE_INFO: Struct = Struct { kind: Some(10), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXPORT_FENCE_CREATE_INFO: Struct = Struct { kind: Some(1000113000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXPORT_MEMORY_ALLOCATE_INFO: Struct = Struct { kind: Some(1000072002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXPORT_SEMAPHORE_CREATE_INFO: Struct = Struct { kind: Some(1000077000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTENSION_PROPERTIES: Struct = Struct { kind: None, bytes: 260, least: [268, 0], repeats: false,
    whole: &[Op::Length(256), Op::Copy { at: 0, bytes: 260 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTERNAL_BUFFER_PROPERTIES: Struct = Struct { kind: Some(1000071003), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTERNAL_FENCE_PROPERTIES: Struct = Struct { kind: Some(1000112001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTERNAL_IMAGE_FORMAT_PROPERTIES: Struct = Struct { kind: Some(1000071001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTERNAL_MEMORY_ACQUIRE_UNMODIFIED_EXT: Struct = Struct { kind: Some(1000453000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTERNAL_MEMORY_BUFFER_CREATE_INFO: Struct = Struct { kind: Some(1000072000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTERNAL_MEMORY_IMAGE_CREATE_INFO: Struct = Struct { kind: Some(1000072001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static EXTERNAL_SEMAPHORE_PROPERTIES: Struct = Struct { kind: Some(1000076001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static FENCE_CREATE_INFO: Struct = Struct { kind: Some(8), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000113000, &EXPORT_FENCE_CREATE_INFO)] };
pub(in crate::venus) static FILTER_CUBIC_IMAGE_VIEW_IMAGE_FORMAT_PROPERTIES_EXT: Struct = Struct { kind: Some(1000170001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static FORMAT_PROPERTIES2: Struct = Struct { kind: Some(1000059002), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000158000, &DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT), (1000158006, &DRM_FORMAT_MODIFIER_PROPERTIES_LIST2_EXT), (1000360000, &FORMAT_PROPERTIES3), (1000376001, &SUBPASS_RESOLVE_PERFORMANCE_QUERY_EXT)] };
pub(in crate::venus) static FORMAT_PROPERTIES3: Struct = Struct { kind: Some(1000360000), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR: Struct = Struct { kind: Some(1000226000), bytes: 32, least: [28, 20], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: true, element: Element::Struct(&ATTACHMENT_REFERENCE2) }, Op::Copy { at: 24, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static FRAMEBUFFER_ATTACHMENT_IMAGE_INFO: Struct = Struct { kind: Some(1000108002), bytes: 48, least: [44, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 36, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static FRAMEBUFFER_ATTACHMENTS_CREATE_INFO: Struct = Struct { kind: Some(1000108001), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Struct(&FRAMEBUFFER_ATTACHMENT_IMAGE_INFO) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static FRAMEBUFFER_CREATE_INFO: Struct = Struct { kind: Some(37), bytes: 64, least: [48, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::RenderPass, nullable: false }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::ImageView, nullable: true } }, Op::Copy { at: 48, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000108001, &FRAMEBUFFER_ATTACHMENTS_CREATE_INFO)] };
pub(in crate::venus) static GRAPHICS_PIPELINE_CREATE_INFO: Struct = Struct { kind: Some(28), bytes: 144, least: [132, 96], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Struct(&PIPELINE_SHADER_STAGE_CREATE_INFO) }, Op::Pointer { at: 32, nullable: true, element: Element::Struct(&PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO) }, Op::Pointer { at: 40, nullable: true, element: Element::Struct(&PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO) }, Op::Pointer { at: 48, nullable: true, element: Element::Struct(&PIPELINE_TESSELLATION_STATE_CREATE_INFO) }, Op::Pointer { at: 56, nullable: true, element: Element::Struct(&PIPELINE_VIEWPORT_STATE_CREATE_INFO) }, Op::Pointer { at: 64, nullable: true, element: Element::Struct(&PIPELINE_RASTERIZATION_STATE_CREATE_INFO) }, Op::Pointer { at: 72, nullable: true, element: Element::Struct(&PIPELINE_MULTISAMPLE_STATE_CREATE_INFO) }, Op::Pointer { at: 80, nullable: true, element: Element::Struct(&PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO) }, Op::Pointer { at: 88, nullable: true, element: Element::Struct(&PIPELINE_COLOR_BLEND_STATE_CREATE_INFO) }, Op::Pointer { at: 96, nullable: true, element: Element::Struct(&PIPELINE_DYNAMIC_STATE_CREATE_INFO) }, Op::Handle { at: 104, kind: ObjectType::PipelineLayout, nullable: true }, Op::Handle { at: 112, kind: ObjectType::RenderPass, nullable: true }, Op::Copy { at: 120, bytes: 4 }, Op::Handle { at: 128, kind: ObjectType::Pipeline, nullable: true }, Op::Copy { at: 136, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000044002, &PIPELINE_RENDERING_CREATE_INFO), (1000068000, &PIPELINE_ROBUSTNESS_CREATE_INFO), (1000192000, &PIPELINE_CREATION_FEEDBACK_CREATE_INFO), (1000226001, &PIPELINE_FRAGMENT_SHADING_RATE_STATE_CREATE_INFO_KHR), (1000232001, &RENDERING_ATTACHMENT_LOCATION_INFO), (1000232002, &RENDERING_INPUT_ATTACHMENT_INDEX_INFO), (1000290000, &PIPELINE_LIBRARY_CREATE_INFO_KHR), (1000320002, &GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT), (1000470005, &PIPELINE_CREATE_FLAGS2_CREATE_INFO)] };
pub(in crate::venus) static GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000320002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static HOST_ADDRESS_RANGE_CONST_EXT: Struct = Struct { kind: None, bytes: 16, least: [16, 16], repeats: false,
    whole: &[Op::Copy { at: 8, bytes: 8 }, Op::Array { at: 0, nullable: false, count: Count::Member { at: 8, bytes: 8, rule: Rule::Same }, element: Element::Bytes(1) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static HOST_ADDRESS_RANGE_EXT: Struct = Struct { kind: None, bytes: 16, least: [16, 16], repeats: false,
    whole: &[Op::Copy { at: 8, bytes: 8 }, Op::Array { at: 0, nullable: false, count: Count::Member { at: 8, bytes: 8, rule: Rule::Same }, element: Element::Bytes(1) }],
    skeleton: &[Op::Copy { at: 8, bytes: 8 }, Op::Array { at: 0, nullable: false, count: Count::Member { at: 8, bytes: 8, rule: Rule::Same }, element: Element::Bytes(1) }],
    chain: &[] };
pub(in crate::venus) static HOST_IMAGE_COPY_DEVICE_PERFORMANCE_QUERY: Struct = Struct { kind: Some(1000270009), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static HOST_IMAGE_LAYOUT_TRANSITION_INFO: Struct = Struct { kind: Some(1000270006), bytes: 56, least: [48, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 24, bytes: 28 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_BLIT: Struct = Struct { kind: None, bytes: 80, least: [96, 16], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 16 }, Op::Length(2), Op::Copy { at: 16, bytes: 40 }, Op::Length(2), Op::Copy { at: 56, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_BLIT2: Struct = Struct { kind: Some(1000337008), bytes: 96, least: [108, 28], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }, Op::Length(2), Op::Copy { at: 32, bytes: 40 }, Op::Length(2), Op::Copy { at: 72, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_COPY2: Struct = Struct { kind: Some(1000337007), bytes: 88, least: [80, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 68 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_CREATE_INFO: Struct = Struct { kind: Some(14), bytes: 88, least: [76, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 52 }, Op::Array { at: 72, nullable: true, count: Count::Member { at: 64, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 80, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000072001, &EXTERNAL_MEMORY_IMAGE_CREATE_INFO), (1000135007, &OPAQUE_CAPTURE_DATA_CREATE_INFO_EXT), (1000147000, &IMAGE_FORMAT_LIST_CREATE_INFO), (1000158003, &IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT), (1000158004, &IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT), (1000246000, &IMAGE_STENCIL_USAGE_CREATE_INFO)] };
pub(in crate::venus) static IMAGE_DESCRIPTOR_INFO_EXT: Struct = Struct { kind: Some(1000135001), bytes: 32, least: [24, 20], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: false, element: Element::Struct(&IMAGE_VIEW_CREATE_INFO) }, Op::Copy { at: 24, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000158004), bytes: 40, least: [32, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Bytes(40) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000158003), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_DRM_FORMAT_MODIFIER_PROPERTIES_EXT: Struct = Struct { kind: Some(1000158005), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_FORMAT_LIST_CREATE_INFO: Struct = Struct { kind: Some(1000147000), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_FORMAT_PROPERTIES2: Struct = Struct { kind: Some(1000059003), bytes: 48, least: [44, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 32 }],
    skeleton: &[],
    chain: &[(1000071001, &EXTERNAL_IMAGE_FORMAT_PROPERTIES), (1000156005, &SAMPLER_YCBCR_CONVERSION_IMAGE_FORMAT_PROPERTIES), (1000170001, &FILTER_CUBIC_IMAGE_VIEW_IMAGE_FORMAT_PROPERTIES_EXT), (1000270009, &HOST_IMAGE_COPY_DEVICE_PERFORMANCE_QUERY)] };
pub(in crate::venus) static IMAGE_MEMORY_BARRIER: Struct = Struct { kind: Some(45), bytes: 72, least: [64, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }, Op::Handle { at: 40, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 48, bytes: 20 }],
    skeleton: &[],
    chain: &[(1000143000, &SAMPLE_LOCATIONS_INFO_EXT), (1000453000, &EXTERNAL_MEMORY_ACQUIRE_UNMODIFIED_EXT)] };
pub(in crate::venus) static IMAGE_MEMORY_BARRIER2: Struct = Struct { kind: Some(1000314002), bytes: 96, least: [88, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 48 }, Op::Handle { at: 64, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 72, bytes: 20 }],
    skeleton: &[],
    chain: &[(1000143000, &SAMPLE_LOCATIONS_INFO_EXT), (1000453000, &EXTERNAL_MEMORY_ACQUIRE_UNMODIFIED_EXT)] };
pub(in crate::venus) static IMAGE_MEMORY_REQUIREMENTS_INFO2: Struct = Struct { kind: Some(1000146001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }],
    skeleton: &[],
    chain: &[(1000156003, &IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO)] };
pub(in crate::venus) static IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO: Struct = Struct { kind: Some(1000156003), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_RESOLVE2: Struct = Struct { kind: Some(1000337010), bytes: 88, least: [80, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 68 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_SPARSE_MEMORY_REQUIREMENTS_INFO2: Struct = Struct { kind: Some(1000146002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_STENCIL_USAGE_CREATE_INFO: Struct = Struct { kind: Some(1000246000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_SUBRESOURCE2: Struct = Struct { kind: Some(1000338003), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_VIEW_CREATE_INFO: Struct = Struct { kind: Some(15), bytes: 80, least: [68, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 32, bytes: 44 }],
    skeleton: &[],
    chain: &[(1000117002, &IMAGE_VIEW_USAGE_CREATE_INFO), (1000156001, &SAMPLER_YCBCR_CONVERSION_INFO), (1000391001, &IMAGE_VIEW_MIN_LOD_CREATE_INFO_EXT), (1000418001, &IMAGE_VIEW_SLICED_CREATE_INFO_EXT)] };
pub(in crate::venus) static IMAGE_VIEW_MIN_LOD_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000391001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_VIEW_SLICED_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000418001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMAGE_VIEW_USAGE_CREATE_INFO: Struct = Struct { kind: Some(1000117002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMPORT_MEMORY_RESOURCE_INFO_MESA: Struct = Struct { kind: Some(1000384002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static IMPORT_SEMAPHORE_RESOURCE_INFO_MESA: Struct = Struct { kind: Some(1000384004), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Semaphore, nullable: false }, Op::Copy { at: 24, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static INSTANCE_CREATE_INFO: Struct = Struct { kind: Some(1), bytes: 64, least: [48, 44], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Pointer { at: 24, nullable: true, element: Element::Struct(&APPLICATION_INFO) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Text }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Text }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static LAYER_PROPERTIES: Struct = Struct { kind: None, bytes: 520, least: [536, 0], repeats: false,
    whole: &[Op::Length(256), Op::Copy { at: 0, bytes: 264 }, Op::Length(256), Op::Copy { at: 264, bytes: 256 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MAPPED_MEMORY_RANGE: Struct = Struct { kind: Some(6), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::DeviceMemory, nullable: false }, Op::Copy { at: 24, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_ALLOCATE_FLAGS_INFO: Struct = Struct { kind: Some(1000060000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_ALLOCATE_INFO: Struct = Struct { kind: Some(5), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000060000, &MEMORY_ALLOCATE_FLAGS_INFO), (1000072002, &EXPORT_MEMORY_ALLOCATE_INFO), (1000127001, &MEMORY_DEDICATED_ALLOCATE_INFO), (1000257003, &MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO), (1000384002, &IMPORT_MEMORY_RESOURCE_INFO_MESA)] };
pub(in crate::venus) static MEMORY_BARRIER: Struct = Struct { kind: Some(46), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_BARRIER2: Struct = Struct { kind: Some(1000314000), bytes: 48, least: [44, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 32 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_DEDICATED_ALLOCATE_INFO: Struct = Struct { kind: Some(1000127001), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: true }, Op::Handle { at: 24, kind: ObjectType::Buffer, nullable: true }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_DEDICATED_REQUIREMENTS: Struct = Struct { kind: Some(1000127000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO: Struct = Struct { kind: Some(1000257003), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_REQUIREMENTS: Struct = Struct { kind: None, bytes: 24, least: [20, 0], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_REQUIREMENTS2: Struct = Struct { kind: Some(1000146003), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[(1000127000, &MEMORY_DEDICATED_REQUIREMENTS)] };
pub(in crate::venus) static MEMORY_RESOURCE_ALLOCATION_SIZE_PROPERTIES_MESA: Struct = Struct { kind: Some(1000384003), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_RESOURCE_PROPERTIES_MESA: Struct = Struct { kind: Some(1000384001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000384003, &MEMORY_RESOURCE_ALLOCATION_SIZE_PROPERTIES_MESA)] };
pub(in crate::venus) static MEMORY_TO_IMAGE_COPY_MESA: Struct = Struct { kind: Some(1000384009), bytes: 80, least: [76, 28], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 8, rule: Rule::Same }, element: Element::Bytes(1) }, Op::Copy { at: 32, bytes: 48 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MEMORY_UNMAP_INFO: Struct = Struct { kind: Some(1000271001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::DeviceMemory, nullable: false }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MULTISAMPLE_PROPERTIES_EXT: Struct = Struct { kind: Some(1000143004), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_INFO_EXT: Struct = Struct { kind: Some(1000376002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000351002), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Struct(&MUTABLE_DESCRIPTOR_TYPE_LIST_EXT) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static MUTABLE_DESCRIPTOR_TYPE_LIST_EXT: Struct = Struct { kind: None, bytes: 16, least: [12, 12], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 4 }, Op::Array { at: 8, nullable: false, count: Count::Member { at: 0, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static OPAQUE_CAPTURE_DATA_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000135007), bytes: 24, least: [20, 20], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: true, element: Element::Struct(&HOST_ADDRESS_RANGE_CONST_EXT) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE16_BIT_STORAGE_FEATURES: Struct = Struct { kind: Some(1000083000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE4444_FORMATS_FEATURES_EXT: Struct = Struct { kind: Some(1000340000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE8_BIT_STORAGE_FEATURES: Struct = Struct { kind: Some(1000177000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR: Struct = Struct { kind: Some(1000150013), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_PROPERTIES_KHR: Struct = Struct { kind: Some(1000150014), bytes: 64, least: [56, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 44 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_DYNAMIC_STATE_FEATURES_EXT: Struct = Struct { kind: Some(1000524000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_LAYOUT_FEATURES_EXT: Struct = Struct { kind: Some(1000339000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_BLEND_OPERATION_ADVANCED_FEATURES_EXT: Struct = Struct { kind: Some(1000148000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_BLEND_OPERATION_ADVANCED_PROPERTIES_EXT: Struct = Struct { kind: Some(1000148001), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_BORDER_COLOR_SWIZZLE_FEATURES_EXT: Struct = Struct { kind: Some(1000411000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES: Struct = Struct { kind: Some(1000257000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_EXT: Struct = Struct { kind: Some(1000244000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_COLOR_WRITE_ENABLE_FEATURES_EXT: Struct = Struct { kind: Some(1000381000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_COMPUTE_SHADER_DERIVATIVES_FEATURES_KHR: Struct = Struct { kind: Some(1000201000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_COMPUTE_SHADER_DERIVATIVES_PROPERTIES_KHR: Struct = Struct { kind: Some(1000511000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT: Struct = Struct { kind: Some(1000081001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_CONSERVATIVE_RASTERIZATION_PROPERTIES_EXT: Struct = Struct { kind: Some(1000101000), bytes: 56, least: [48, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 36 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR: Struct = Struct { kind: Some(1000506000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR: Struct = Struct { kind: Some(1000506002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT: Struct = Struct { kind: Some(1000287002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_PROPERTIES_EXT: Struct = Struct { kind: Some(1000287001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DEPTH_BIAS_CONTROL_FEATURES_EXT: Struct = Struct { kind: Some(1000283000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DEPTH_CLAMP_CONTROL_FEATURES_EXT: Struct = Struct { kind: Some(1000582000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DEPTH_CLAMP_ZERO_ONE_FEATURES_KHR: Struct = Struct { kind: Some(1000421000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DEPTH_CLIP_CONTROL_FEATURES_EXT: Struct = Struct { kind: Some(1000355000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DEPTH_CLIP_ENABLE_FEATURES_EXT: Struct = Struct { kind: Some(1000102000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DEPTH_STENCIL_RESOLVE_PROPERTIES: Struct = Struct { kind: Some(1000199000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DESCRIPTOR_HEAP_FEATURES_EXT: Struct = Struct { kind: Some(1000135009), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DESCRIPTOR_HEAP_PROPERTIES_EXT: Struct = Struct { kind: Some(1000135008), bytes: 152, least: [148, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 136 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_FEATURES: Struct = Struct { kind: Some(1000161001), bytes: 96, least: [92, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 80 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_PROPERTIES: Struct = Struct { kind: Some(1000161002), bytes: 112, least: [104, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 92 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DRIVER_PROPERTIES: Struct = Struct { kind: Some(1000196000), bytes: 536, least: [560, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Length(256), Op::Copy { at: 20, bytes: 256 }, Op::Length(256), Op::Copy { at: 276, bytes: 256 }, Op::Small { at: 532, bytes: 1 }, Op::Small { at: 533, bytes: 1 }, Op::Small { at: 534, bytes: 1 }, Op::Small { at: 535, bytes: 1 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES: Struct = Struct { kind: Some(1000044003), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DYNAMIC_RENDERING_LOCAL_READ_FEATURES: Struct = Struct { kind: Some(1000232000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_DYNAMIC_RENDERING_UNUSED_ATTACHMENTS_FEATURES_EXT: Struct = Struct { kind: Some(1000499000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE2_FEATURES_EXT: Struct = Struct { kind: Some(1000377000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE3_FEATURES_EXT: Struct = Struct { kind: Some(1000455000), bytes: 144, least: [136, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 124 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE3_PROPERTIES_EXT: Struct = Struct { kind: Some(1000455001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_FEATURES_EXT: Struct = Struct { kind: Some(1000267000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO: Struct = Struct { kind: Some(1000071002), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[(1000470006, &BUFFER_USAGE_FLAGS2_CREATE_INFO)] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO: Struct = Struct { kind: Some(1000112000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO: Struct = Struct { kind: Some(1000071000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO: Struct = Struct { kind: Some(1000076000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000207002, &SEMAPHORE_TYPE_CREATE_INFO)] };
pub(in crate::venus) static PHYSICAL_DEVICE_FEATURES2: Struct = Struct { kind: Some(1000059000), bytes: 240, least: [232, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 220 }],
    skeleton: &[],
    chain: &[(49, &PHYSICAL_DEVICE_VULKAN11_FEATURES), (51, &PHYSICAL_DEVICE_VULKAN12_FEATURES), (53, &PHYSICAL_DEVICE_VULKAN13_FEATURES), (55, &PHYSICAL_DEVICE_VULKAN14_FEATURES), (1000028000, &PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT), (1000044003, &PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES), (1000053001, &PHYSICAL_DEVICE_MULTIVIEW_FEATURES), (1000063000, &PHYSICAL_DEVICE_SHADER_DRAW_PARAMETERS_FEATURES), (1000066000, &PHYSICAL_DEVICE_TEXTURE_COMPRESSION_ASTCHDR_FEATURES), (1000068001, &PHYSICAL_DEVICE_PIPELINE_ROBUSTNESS_FEATURES), (1000081001, &PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT), (1000082000, &PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES), (1000083000, &PHYSICAL_DEVICE16_BIT_STORAGE_FEATURES), (1000102000, &PHYSICAL_DEVICE_DEPTH_CLIP_ENABLE_FEATURES_EXT), (1000108000, &PHYSICAL_DEVICE_IMAGELESS_FRAMEBUFFER_FEATURES), (1000120000, &PHYSICAL_DEVICE_VARIABLE_POINTERS_FEATURES), (1000135009, &PHYSICAL_DEVICE_DESCRIPTOR_HEAP_FEATURES_EXT), (1000138000, &PHYSICAL_DEVICE_INLINE_UNIFORM_BLOCK_FEATURES), (1000141000, &PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR), (1000145001, &PHYSICAL_DEVICE_PROTECTED_MEMORY_FEATURES), (1000148000, &PHYSICAL_DEVICE_BLEND_OPERATION_ADVANCED_FEATURES_EXT), (1000150013, &PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR), (1000156004, &PHYSICAL_DEVICE_SAMPLER_YCBCR_CONVERSION_FEATURES), (1000161001, &PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_FEATURES), (1000175000, &PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES), (1000177000, &PHYSICAL_DEVICE8_BIT_STORAGE_FEATURES), (1000180000, &PHYSICAL_DEVICE_SHADER_ATOMIC_INT64_FEATURES), (1000181000, &PHYSICAL_DEVICE_SHADER_CLOCK_FEATURES_KHR), (1000190002, &PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_FEATURES), (1000201000, &PHYSICAL_DEVICE_COMPUTE_SHADER_DERIVATIVES_FEATURES_KHR), (1000203000, &PHYSICAL_DEVICE_FRAGMENT_SHADER_BARYCENTRIC_FEATURES_KHR), (1000207000, &PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES), (1000211000, &PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES), (1000215000, &PHYSICAL_DEVICE_SHADER_TERMINATE_INVOCATION_FEATURES), (1000221000, &PHYSICAL_DEVICE_SCALAR_BLOCK_LAYOUT_FEATURES), (1000225002, &PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES), (1000226003, &PHYSICAL_DEVICE_FRAGMENT_SHADING_RATE_FEATURES_KHR), (1000232000, &PHYSICAL_DEVICE_DYNAMIC_RENDERING_LOCAL_READ_FEATURES), (1000234000, &PHYSICAL_DEVICE_SHADER_IMAGE_ATOMIC_INT64_FEATURES_EXT), (1000235000, &PHYSICAL_DEVICE_SHADER_QUAD_CONTROL_FEATURES_KHR), (1000241000, &PHYSICAL_DEVICE_SEPARATE_DEPTH_STENCIL_LAYOUTS_FEATURES), (1000244000, &PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_EXT), (1000251000, &PHYSICAL_DEVICE_FRAGMENT_SHADER_INTERLOCK_FEATURES_EXT), (1000252000, &PHYSICAL_DEVICE_YCBCR_IMAGE_ARRAYS_FEATURES_EXT), (1000253000, &PHYSICAL_DEVICE_UNIFORM_BUFFER_STANDARD_LAYOUT_FEATURES), (1000254000, &PHYSICAL_DEVICE_PROVOKING_VERTEX_FEATURES_EXT), (1000257000, &PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES), (1000259000, &PHYSICAL_DEVICE_LINE_RASTERIZATION_FEATURES), (1000260000, &PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT_FEATURES_EXT), (1000261000, &PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES), (1000265000, &PHYSICAL_DEVICE_INDEX_TYPE_UINT8_FEATURES), (1000267000, &PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_FEATURES_EXT), (1000270000, &PHYSICAL_DEVICE_HOST_IMAGE_COPY_FEATURES), (1000273000, &PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT2_FEATURES_EXT), (1000276000, &PHYSICAL_DEVICE_SHADER_DEMOTE_TO_HELPER_INVOCATION_FEATURES), (1000280000, &PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES), (1000281000, &PHYSICAL_DEVICE_TEXEL_BUFFER_ALIGNMENT_FEATURES_EXT), (1000283000, &PHYSICAL_DEVICE_DEPTH_BIAS_CONTROL_FEATURES_EXT), (1000286000, &PHYSICAL_DEVICE_ROBUSTNESS2_FEATURES_KHR), (1000287002, &PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT), (1000295000, &PHYSICAL_DEVICE_PRIVATE_DATA_FEATURES), (1000297000, &PHYSICAL_DEVICE_PIPELINE_CREATION_CACHE_CONTROL_FEATURES), (1000314007, &PHYSICAL_DEVICE_SYNCHRONIZATION2_FEATURES), (1000320000, &PHYSICAL_DEVICE_GRAPHICS_PIPELINE_LIBRARY_FEATURES_EXT), (1000323000, &PHYSICAL_DEVICE_SHADER_SUBGROUP_UNIFORM_CONTROL_FLOW_FEATURES_KHR), (1000325000, &PHYSICAL_DEVICE_ZERO_INITIALIZE_WORKGROUP_MEMORY_FEATURES), (1000328000, &PHYSICAL_DEVICE_MESH_SHADER_FEATURES_EXT), (1000330000, &PHYSICAL_DEVICE_YCBCR2_PLANE444_FORMATS_FEATURES_EXT), (1000335000, &PHYSICAL_DEVICE_IMAGE_ROBUSTNESS_FEATURES), (1000336000, &PHYSICAL_DEVICE_WORKGROUP_MEMORY_EXPLICIT_LAYOUT_FEATURES_KHR), (1000339000, &PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_LAYOUT_FEATURES_EXT), (1000340000, &PHYSICAL_DEVICE4444_FORMATS_FEATURES_EXT), (1000342000, &PHYSICAL_DEVICE_RASTERIZATION_ORDER_ATTACHMENT_ACCESS_FEATURES_EXT), (1000347000, &PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR), (1000348013, &PHYSICAL_DEVICE_RAY_QUERY_FEATURES_KHR), (1000351000, &PHYSICAL_DEVICE_MUTABLE_DESCRIPTOR_TYPE_FEATURES_EXT), (1000352000, &PHYSICAL_DEVICE_VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT), (1000355000, &PHYSICAL_DEVICE_DEPTH_CLIP_CONTROL_FEATURES_EXT), (1000356000, &PHYSICAL_DEVICE_PRIMITIVE_TOPOLOGY_LIST_RESTART_FEATURES_EXT), (1000376000, &PHYSICAL_DEVICE_MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_FEATURES_EXT), (1000377000, &PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE2_FEATURES_EXT), (1000381000, &PHYSICAL_DEVICE_COLOR_WRITE_ENABLE_FEATURES_EXT), (1000382000, &PHYSICAL_DEVICE_PRIMITIVES_GENERATED_QUERY_FEATURES_EXT), (1000386000, &PHYSICAL_DEVICE_RAY_TRACING_MAINTENANCE1_FEATURES_KHR), (1000387000, &PHYSICAL_DEVICE_SHADER_UNTYPED_POINTERS_FEATURES_KHR), (1000388000, &PHYSICAL_DEVICE_GLOBAL_PRIORITY_QUERY_FEATURES), (1000391000, &PHYSICAL_DEVICE_IMAGE_VIEW_MIN_LOD_FEATURES_EXT), (1000392000, &PHYSICAL_DEVICE_MULTI_DRAW_FEATURES_EXT), (1000393000, &PHYSICAL_DEVICE_IMAGE2_D_VIEW_OF3_D_FEATURES_EXT), (1000411000, &PHYSICAL_DEVICE_BORDER_COLOR_SWIZZLE_FEATURES_EXT), (1000413000, &PHYSICAL_DEVICE_MAINTENANCE4_FEATURES), (1000416000, &PHYSICAL_DEVICE_SHADER_SUBGROUP_ROTATE_FEATURES), (1000418000, &PHYSICAL_DEVICE_IMAGE_SLICED_VIEW_OF3_D_FEATURES_EXT), (1000421000, &PHYSICAL_DEVICE_DEPTH_CLAMP_ZERO_ONE_FEATURES_KHR), (1000422000, &PHYSICAL_DEVICE_NON_SEAMLESS_CUBE_MAP_FEATURES_EXT), (1000434000, &PHYSICAL_DEVICE_SHADER_MAXIMAL_RECONVERGENCE_FEATURES_KHR), (1000451000, &PHYSICAL_DEVICE_NESTED_COMMAND_BUFFER_FEATURES_EXT), (1000455000, &PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE3_FEATURES_EXT), (1000465000, &PHYSICAL_DEVICE_LEGACY_DITHERING_FEATURES_EXT), (1000466000, &PHYSICAL_DEVICE_PIPELINE_PROTECTED_ACCESS_FEATURES), (1000470000, &PHYSICAL_DEVICE_MAINTENANCE5_FEATURES), (1000481000, &PHYSICAL_DEVICE_RAY_TRACING_POSITION_FETCH_FEATURES_KHR), (1000495000, &PHYSICAL_DEVICE_LEGACY_VERTEX_ATTRIBUTES_FEATURES_EXT), (1000498000, &PHYSICAL_DEVICE_PIPELINE_LIBRARY_GROUP_HANDLES_FEATURES_KHR), (1000499000, &PHYSICAL_DEVICE_DYNAMIC_RENDERING_UNUSED_ATTACHMENTS_FEATURES_EXT), (1000506000, &PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR), (1000524000, &PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_DYNAMIC_STATE_FEATURES_EXT), (1000528000, &PHYSICAL_DEVICE_SHADER_FLOAT_CONTROLS2_FEATURES), (1000544000, &PHYSICAL_DEVICE_SHADER_EXPECT_ASSUME_FEATURES), (1000545000, &PHYSICAL_DEVICE_MAINTENANCE6_FEATURES), (1000558000, &PHYSICAL_DEVICE_SHADER_RELAXED_EXTENDED_INSTRUCTION_FEATURES_KHR), (1000562000, &PHYSICAL_DEVICE_MAINTENANCE7_FEATURES_KHR), (1000564000, &PHYSICAL_DEVICE_SHADER_REPLICATED_COMPOSITES_FEATURES_EXT), (1000567000, &PHYSICAL_DEVICE_SHADER_FLOAT8_FEATURES_EXT), (1000579000, &PHYSICAL_DEVICE_SHADER_FMA_FEATURES_KHR), (1000582000, &PHYSICAL_DEVICE_DEPTH_CLAMP_CONTROL_FEATURES_EXT), (1000642000, &PHYSICAL_DEVICE_SHADER_UNIFORM_BUFFER_UNSIZED_ARRAY_FEATURES_EXT)] };
pub(in crate::venus) static PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES: Struct = Struct { kind: Some(1000197000), bytes: 88, least: [80, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 68 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_FRAGMENT_SHADER_BARYCENTRIC_FEATURES_KHR: Struct = Struct { kind: Some(1000203000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_FRAGMENT_SHADER_BARYCENTRIC_PROPERTIES_KHR: Struct = Struct { kind: Some(1000322000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_FRAGMENT_SHADER_INTERLOCK_FEATURES_EXT: Struct = Struct { kind: Some(1000251000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_FRAGMENT_SHADING_RATE_FEATURES_KHR: Struct = Struct { kind: Some(1000226003), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_FRAGMENT_SHADING_RATE_KHR: Struct = Struct { kind: Some(1000226004), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_FRAGMENT_SHADING_RATE_PROPERTIES_KHR: Struct = Struct { kind: Some(1000226002), bytes: 96, least: [92, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 80 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_GLOBAL_PRIORITY_QUERY_FEATURES: Struct = Struct { kind: Some(1000388000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_GRAPHICS_PIPELINE_LIBRARY_FEATURES_EXT: Struct = Struct { kind: Some(1000320000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_GRAPHICS_PIPELINE_LIBRARY_PROPERTIES_EXT: Struct = Struct { kind: Some(1000320001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_GROUP_PROPERTIES: Struct = Struct { kind: Some(1000070000), bytes: 288, least: [284, 276], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Length(32), Op::Copy { at: 24, bytes: 260 }],
    skeleton: &[Op::Length(32), Op::Copy { at: 24, bytes: 256 }],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_HOST_IMAGE_COPY_FEATURES: Struct = Struct { kind: Some(1000270000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_HOST_IMAGE_COPY_PROPERTIES: Struct = Struct { kind: Some(1000270001), bytes: 72, least: [64, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Length(16), Op::Copy { at: 48, bytes: 20 }],
    skeleton: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES: Struct = Struct { kind: Some(1000261000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ID_PROPERTIES: Struct = Struct { kind: Some(1000071004), bytes: 64, least: [84, 12], repeats: false,
    whole: &[Op::Length(16), Op::Copy { at: 16, bytes: 16 }, Op::Length(16), Op::Copy { at: 32, bytes: 16 }, Op::Length(8), Op::Copy { at: 48, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGE2_D_VIEW_OF3_D_FEATURES_EXT: Struct = Struct { kind: Some(1000393000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT: Struct = Struct { kind: Some(1000158002), bytes: 40, least: [36, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }, Op::Array { at: 32, nullable: true, count: Count::Member { at: 28, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGE_FORMAT_INFO2: Struct = Struct { kind: Some(1000059004), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[(1000071000, &PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO), (1000147000, &IMAGE_FORMAT_LIST_CREATE_INFO), (1000158002, &PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT), (1000170000, &PHYSICAL_DEVICE_IMAGE_VIEW_IMAGE_FORMAT_INFO_EXT), (1000246000, &IMAGE_STENCIL_USAGE_CREATE_INFO)] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGE_ROBUSTNESS_FEATURES: Struct = Struct { kind: Some(1000335000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGE_SLICED_VIEW_OF3_D_FEATURES_EXT: Struct = Struct { kind: Some(1000418000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGE_VIEW_IMAGE_FORMAT_INFO_EXT: Struct = Struct { kind: Some(1000170000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGE_VIEW_MIN_LOD_FEATURES_EXT: Struct = Struct { kind: Some(1000391000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_IMAGELESS_FRAMEBUFFER_FEATURES: Struct = Struct { kind: Some(1000108000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_INDEX_TYPE_UINT8_FEATURES: Struct = Struct { kind: Some(1000265000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_INLINE_UNIFORM_BLOCK_FEATURES: Struct = Struct { kind: Some(1000138000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_INLINE_UNIFORM_BLOCK_PROPERTIES: Struct = Struct { kind: Some(1000138001), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_LEGACY_DITHERING_FEATURES_EXT: Struct = Struct { kind: Some(1000465000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_LEGACY_VERTEX_ATTRIBUTES_FEATURES_EXT: Struct = Struct { kind: Some(1000495000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_LEGACY_VERTEX_ATTRIBUTES_PROPERTIES_EXT: Struct = Struct { kind: Some(1000495001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_LINE_RASTERIZATION_FEATURES: Struct = Struct { kind: Some(1000259000), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_LINE_RASTERIZATION_PROPERTIES: Struct = Struct { kind: Some(1000259002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE3_PROPERTIES: Struct = Struct { kind: Some(1000168000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Copy { at: 24, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE4_FEATURES: Struct = Struct { kind: Some(1000413000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE4_PROPERTIES: Struct = Struct { kind: Some(1000413001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE5_FEATURES: Struct = Struct { kind: Some(1000470000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE5_PROPERTIES: Struct = Struct { kind: Some(1000470001), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE6_FEATURES: Struct = Struct { kind: Some(1000545000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE6_PROPERTIES: Struct = Struct { kind: Some(1000545001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE7_FEATURES_KHR: Struct = Struct { kind: Some(1000562000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MAINTENANCE7_PROPERTIES_KHR: Struct = Struct { kind: Some(1000562001), bytes: 48, least: [44, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 32 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT: Struct = Struct { kind: Some(1000237000), bytes: 272, least: [284, 12], repeats: false,
    whole: &[Op::Length(16), Op::Copy { at: 16, bytes: 128 }, Op::Length(16), Op::Copy { at: 144, bytes: 128 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MEMORY_PROPERTIES: Struct = Struct { kind: None, bytes: 520, least: [472, 16], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 4 }, Op::Length(32), Op::Copy { at: 4, bytes: 260 }, Op::Length(16), Op::Copy { at: 264, bytes: 12 }, Op::Copy { at: 280, bytes: 12 }, Op::Copy { at: 296, bytes: 12 }, Op::Copy { at: 312, bytes: 12 }, Op::Copy { at: 328, bytes: 12 }, Op::Copy { at: 344, bytes: 12 }, Op::Copy { at: 360, bytes: 12 }, Op::Copy { at: 376, bytes: 12 }, Op::Copy { at: 392, bytes: 12 }, Op::Copy { at: 408, bytes: 12 }, Op::Copy { at: 424, bytes: 12 }, Op::Copy { at: 440, bytes: 12 }, Op::Copy { at: 456, bytes: 12 }, Op::Copy { at: 472, bytes: 12 }, Op::Copy { at: 488, bytes: 12 }, Op::Copy { at: 504, bytes: 12 }],
    skeleton: &[Op::Length(32), Op::Length(16)],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MEMORY_PROPERTIES2: Struct = Struct { kind: Some(1000059006), bytes: 536, least: [484, 28], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Length(32), Op::Copy { at: 20, bytes: 260 }, Op::Length(16), Op::Copy { at: 280, bytes: 12 }, Op::Copy { at: 296, bytes: 12 }, Op::Copy { at: 312, bytes: 12 }, Op::Copy { at: 328, bytes: 12 }, Op::Copy { at: 344, bytes: 12 }, Op::Copy { at: 360, bytes: 12 }, Op::Copy { at: 376, bytes: 12 }, Op::Copy { at: 392, bytes: 12 }, Op::Copy { at: 408, bytes: 12 }, Op::Copy { at: 424, bytes: 12 }, Op::Copy { at: 440, bytes: 12 }, Op::Copy { at: 456, bytes: 12 }, Op::Copy { at: 472, bytes: 12 }, Op::Copy { at: 488, bytes: 12 }, Op::Copy { at: 504, bytes: 12 }, Op::Copy { at: 520, bytes: 12 }],
    skeleton: &[Op::Length(32), Op::Length(16)],
    chain: &[(1000237000, &PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT)] };
pub(in crate::venus) static PHYSICAL_DEVICE_MESH_SHADER_FEATURES_EXT: Struct = Struct { kind: Some(1000328000), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MESH_SHADER_PROPERTIES_EXT: Struct = Struct { kind: Some(1000328001), bytes: 160, least: [188, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Length(3), Op::Copy { at: 20, bytes: 16 }, Op::Length(3), Op::Copy { at: 36, bytes: 28 }, Op::Length(3), Op::Copy { at: 64, bytes: 16 }, Op::Length(3), Op::Copy { at: 80, bytes: 80 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MULTI_DRAW_FEATURES_EXT: Struct = Struct { kind: Some(1000392000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MULTI_DRAW_PROPERTIES_EXT: Struct = Struct { kind: Some(1000392001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_FEATURES_EXT: Struct = Struct { kind: Some(1000376000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MULTIVIEW_FEATURES: Struct = Struct { kind: Some(1000053001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MULTIVIEW_PROPERTIES: Struct = Struct { kind: Some(1000053002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_MUTABLE_DESCRIPTOR_TYPE_FEATURES_EXT: Struct = Struct { kind: Some(1000351000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_NESTED_COMMAND_BUFFER_FEATURES_EXT: Struct = Struct { kind: Some(1000451000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_NESTED_COMMAND_BUFFER_PROPERTIES_EXT: Struct = Struct { kind: Some(1000451001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_NON_SEAMLESS_CUBE_MAP_FEATURES_EXT: Struct = Struct { kind: Some(1000422000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT: Struct = Struct { kind: Some(1000212000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PIPELINE_CREATION_CACHE_CONTROL_FEATURES: Struct = Struct { kind: Some(1000297000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PIPELINE_LIBRARY_GROUP_HANDLES_FEATURES_KHR: Struct = Struct { kind: Some(1000498000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PIPELINE_PROTECTED_ACCESS_FEATURES: Struct = Struct { kind: Some(1000466000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PIPELINE_ROBUSTNESS_FEATURES: Struct = Struct { kind: Some(1000068001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PIPELINE_ROBUSTNESS_PROPERTIES: Struct = Struct { kind: Some(1000068002), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_POINT_CLIPPING_PROPERTIES: Struct = Struct { kind: Some(1000117000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PRIMITIVE_TOPOLOGY_LIST_RESTART_FEATURES_EXT: Struct = Struct { kind: Some(1000356000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PRIMITIVES_GENERATED_QUERY_FEATURES_EXT: Struct = Struct { kind: Some(1000382000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PRIVATE_DATA_FEATURES: Struct = Struct { kind: Some(1000295000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PROPERTIES: Struct = Struct { kind: None, bytes: 824, least: [868, 0], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 20 }, Op::Length(256), Op::Copy { at: 20, bytes: 256 }, Op::Length(16), Op::Copy { at: 276, bytes: 16 }, Op::Copy { at: 296, bytes: 44 }, Op::Copy { at: 344, bytes: 172 }, Op::Length(3), Op::Copy { at: 516, bytes: 16 }, Op::Length(3), Op::Copy { at: 532, bytes: 44 }, Op::Length(2), Op::Copy { at: 576, bytes: 8 }, Op::Length(2), Op::Copy { at: 584, bytes: 12 }, Op::Copy { at: 600, bytes: 140 }, Op::Length(2), Op::Copy { at: 740, bytes: 8 }, Op::Length(2), Op::Copy { at: 748, bytes: 24 }, Op::Copy { at: 776, bytes: 44 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PROPERTIES2: Struct = Struct { kind: Some(1000059001), bytes: 840, least: [880, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }, Op::Length(256), Op::Copy { at: 36, bytes: 256 }, Op::Length(16), Op::Copy { at: 292, bytes: 16 }, Op::Copy { at: 312, bytes: 44 }, Op::Copy { at: 360, bytes: 172 }, Op::Length(3), Op::Copy { at: 532, bytes: 16 }, Op::Length(3), Op::Copy { at: 548, bytes: 44 }, Op::Length(2), Op::Copy { at: 592, bytes: 8 }, Op::Length(2), Op::Copy { at: 600, bytes: 12 }, Op::Copy { at: 616, bytes: 140 }, Op::Length(2), Op::Copy { at: 756, bytes: 8 }, Op::Length(2), Op::Copy { at: 764, bytes: 24 }, Op::Copy { at: 792, bytes: 44 }],
    skeleton: &[],
    chain: &[(50, &PHYSICAL_DEVICE_VULKAN11_PROPERTIES), (52, &PHYSICAL_DEVICE_VULKAN12_PROPERTIES), (54, &PHYSICAL_DEVICE_VULKAN13_PROPERTIES), (56, &PHYSICAL_DEVICE_VULKAN14_PROPERTIES), (1000028001, &PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT), (1000053002, &PHYSICAL_DEVICE_MULTIVIEW_PROPERTIES), (1000068002, &PHYSICAL_DEVICE_PIPELINE_ROBUSTNESS_PROPERTIES), (1000071004, &PHYSICAL_DEVICE_ID_PROPERTIES), (1000080000, &PHYSICAL_DEVICE_PUSH_DESCRIPTOR_PROPERTIES), (1000094000, &PHYSICAL_DEVICE_SUBGROUP_PROPERTIES), (1000101000, &PHYSICAL_DEVICE_CONSERVATIVE_RASTERIZATION_PROPERTIES_EXT), (1000117000, &PHYSICAL_DEVICE_POINT_CLIPPING_PROPERTIES), (1000130000, &PHYSICAL_DEVICE_SAMPLER_FILTER_MINMAX_PROPERTIES), (1000135008, &PHYSICAL_DEVICE_DESCRIPTOR_HEAP_PROPERTIES_EXT), (1000138001, &PHYSICAL_DEVICE_INLINE_UNIFORM_BLOCK_PROPERTIES), (1000143003, &PHYSICAL_DEVICE_SAMPLE_LOCATIONS_PROPERTIES_EXT), (1000145002, &PHYSICAL_DEVICE_PROTECTED_MEMORY_PROPERTIES), (1000148001, &PHYSICAL_DEVICE_BLEND_OPERATION_ADVANCED_PROPERTIES_EXT), (1000150014, &PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_PROPERTIES_KHR), (1000161002, &PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_PROPERTIES), (1000168000, &PHYSICAL_DEVICE_MAINTENANCE3_PROPERTIES), (1000190000, &PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_PROPERTIES_EXT), (1000196000, &PHYSICAL_DEVICE_DRIVER_PROPERTIES), (1000197000, &PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES), (1000199000, &PHYSICAL_DEVICE_DEPTH_STENCIL_RESOLVE_PROPERTIES), (1000207001, &PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_PROPERTIES), (1000212000, &PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT), (1000225000, &PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES), (1000226002, &PHYSICAL_DEVICE_FRAGMENT_SHADING_RATE_PROPERTIES_KHR), (1000254002, &PHYSICAL_DEVICE_PROVOKING_VERTEX_PROPERTIES_EXT), (1000259002, &PHYSICAL_DEVICE_LINE_RASTERIZATION_PROPERTIES), (1000270001, &PHYSICAL_DEVICE_HOST_IMAGE_COPY_PROPERTIES), (1000280001, &PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES), (1000281001, &PHYSICAL_DEVICE_TEXEL_BUFFER_ALIGNMENT_PROPERTIES), (1000286001, &PHYSICAL_DEVICE_ROBUSTNESS2_PROPERTIES_KHR), (1000287001, &PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_PROPERTIES_EXT), (1000320001, &PHYSICAL_DEVICE_GRAPHICS_PIPELINE_LIBRARY_PROPERTIES_EXT), (1000322000, &PHYSICAL_DEVICE_FRAGMENT_SHADER_BARYCENTRIC_PROPERTIES_KHR), (1000328001, &PHYSICAL_DEVICE_MESH_SHADER_PROPERTIES_EXT), (1000347001, &PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR), (1000392001, &PHYSICAL_DEVICE_MULTI_DRAW_PROPERTIES_EXT), (1000413001, &PHYSICAL_DEVICE_MAINTENANCE4_PROPERTIES), (1000451001, &PHYSICAL_DEVICE_NESTED_COMMAND_BUFFER_PROPERTIES_EXT), (1000455001, &PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE3_PROPERTIES_EXT), (1000470001, &PHYSICAL_DEVICE_MAINTENANCE5_PROPERTIES), (1000495001, &PHYSICAL_DEVICE_LEGACY_VERTEX_ATTRIBUTES_PROPERTIES_EXT), (1000506002, &PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR), (1000511000, &PHYSICAL_DEVICE_COMPUTE_SHADER_DERIVATIVES_PROPERTIES_KHR), (1000525000, &PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_PROPERTIES), (1000545001, &PHYSICAL_DEVICE_MAINTENANCE6_PROPERTIES), (1000562001, &PHYSICAL_DEVICE_MAINTENANCE7_PROPERTIES_KHR)] };
pub(in crate::venus) static PHYSICAL_DEVICE_PROTECTED_MEMORY_FEATURES: Struct = Struct { kind: Some(1000145001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PROTECTED_MEMORY_PROPERTIES: Struct = Struct { kind: Some(1000145002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PROVOKING_VERTEX_FEATURES_EXT: Struct = Struct { kind: Some(1000254000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PROVOKING_VERTEX_PROPERTIES_EXT: Struct = Struct { kind: Some(1000254002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_PUSH_DESCRIPTOR_PROPERTIES: Struct = Struct { kind: Some(1000080000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_RASTERIZATION_ORDER_ATTACHMENT_ACCESS_FEATURES_EXT: Struct = Struct { kind: Some(1000342000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_RAY_QUERY_FEATURES_KHR: Struct = Struct { kind: Some(1000348013), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_RAY_TRACING_MAINTENANCE1_FEATURES_KHR: Struct = Struct { kind: Some(1000386000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR: Struct = Struct { kind: Some(1000347000), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR: Struct = Struct { kind: Some(1000347001), bytes: 48, least: [44, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 32 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_RAY_TRACING_POSITION_FETCH_FEATURES_KHR: Struct = Struct { kind: Some(1000481000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ROBUSTNESS2_FEATURES_KHR: Struct = Struct { kind: Some(1000286000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ROBUSTNESS2_PROPERTIES_KHR: Struct = Struct { kind: Some(1000286001), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SAMPLE_LOCATIONS_PROPERTIES_EXT: Struct = Struct { kind: Some(1000143003), bytes: 48, least: [48, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Length(2), Op::Copy { at: 28, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SAMPLER_FILTER_MINMAX_PROPERTIES: Struct = Struct { kind: Some(1000130000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SAMPLER_YCBCR_CONVERSION_FEATURES: Struct = Struct { kind: Some(1000156004), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SCALAR_BLOCK_LAYOUT_FEATURES: Struct = Struct { kind: Some(1000221000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SEPARATE_DEPTH_STENCIL_LAYOUTS_FEATURES: Struct = Struct { kind: Some(1000241000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT2_FEATURES_EXT: Struct = Struct { kind: Some(1000273000), bytes: 64, least: [60, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 48 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT_FEATURES_EXT: Struct = Struct { kind: Some(1000260000), bytes: 64, least: [60, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 48 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_ATOMIC_INT64_FEATURES: Struct = Struct { kind: Some(1000180000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR: Struct = Struct { kind: Some(1000141000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_CLOCK_FEATURES_KHR: Struct = Struct { kind: Some(1000181000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_DEMOTE_TO_HELPER_INVOCATION_FEATURES: Struct = Struct { kind: Some(1000276000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_DRAW_PARAMETERS_FEATURES: Struct = Struct { kind: Some(1000063000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_EXPECT_ASSUME_FEATURES: Struct = Struct { kind: Some(1000544000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES: Struct = Struct { kind: Some(1000082000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_FLOAT8_FEATURES_EXT: Struct = Struct { kind: Some(1000567000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_FLOAT_CONTROLS2_FEATURES: Struct = Struct { kind: Some(1000528000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_FMA_FEATURES_KHR: Struct = Struct { kind: Some(1000579000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_IMAGE_ATOMIC_INT64_FEATURES_EXT: Struct = Struct { kind: Some(1000234000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES: Struct = Struct { kind: Some(1000280000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES: Struct = Struct { kind: Some(1000280001), bytes: 136, least: [132, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 120 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_MAXIMAL_RECONVERGENCE_FEATURES_KHR: Struct = Struct { kind: Some(1000434000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_QUAD_CONTROL_FEATURES_KHR: Struct = Struct { kind: Some(1000235000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_RELAXED_EXTENDED_INSTRUCTION_FEATURES_KHR: Struct = Struct { kind: Some(1000558000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_REPLICATED_COMPOSITES_FEATURES_EXT: Struct = Struct { kind: Some(1000564000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES: Struct = Struct { kind: Some(1000175000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_SUBGROUP_ROTATE_FEATURES: Struct = Struct { kind: Some(1000416000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_SUBGROUP_UNIFORM_CONTROL_FLOW_FEATURES_KHR: Struct = Struct { kind: Some(1000323000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_TERMINATE_INVOCATION_FEATURES: Struct = Struct { kind: Some(1000215000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_UNIFORM_BUFFER_UNSIZED_ARRAY_FEATURES_EXT: Struct = Struct { kind: Some(1000642000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SHADER_UNTYPED_POINTERS_FEATURES_KHR: Struct = Struct { kind: Some(1000387000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SPARSE_IMAGE_FORMAT_INFO2: Struct = Struct { kind: Some(1000059008), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SUBGROUP_PROPERTIES: Struct = Struct { kind: Some(1000094000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES: Struct = Struct { kind: Some(1000225002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES: Struct = Struct { kind: Some(1000225000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_SYNCHRONIZATION2_FEATURES: Struct = Struct { kind: Some(1000314007), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TEXEL_BUFFER_ALIGNMENT_FEATURES_EXT: Struct = Struct { kind: Some(1000281000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TEXEL_BUFFER_ALIGNMENT_PROPERTIES: Struct = Struct { kind: Some(1000281001), bytes: 48, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Copy { at: 32, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TEXTURE_COMPRESSION_ASTCHDR_FEATURES: Struct = Struct { kind: Some(1000066000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES: Struct = Struct { kind: Some(1000207000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_PROPERTIES: Struct = Struct { kind: Some(1000207001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TOOL_PROPERTIES: Struct = Struct { kind: Some(1000245000), bytes: 1048, least: [1072, 12], repeats: false,
    whole: &[Op::Length(256), Op::Copy { at: 16, bytes: 256 }, Op::Length(256), Op::Copy { at: 272, bytes: 260 }, Op::Length(256), Op::Copy { at: 532, bytes: 256 }, Op::Length(256), Op::Copy { at: 788, bytes: 256 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT: Struct = Struct { kind: Some(1000028000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT: Struct = Struct { kind: Some(1000028001), bytes: 64, least: [56, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 44 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_UNIFORM_BUFFER_STANDARD_LAYOUT_FEATURES: Struct = Struct { kind: Some(1000253000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VARIABLE_POINTERS_FEATURES: Struct = Struct { kind: Some(1000120000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_FEATURES: Struct = Struct { kind: Some(1000190002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_PROPERTIES: Struct = Struct { kind: Some(1000525000), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_PROPERTIES_EXT: Struct = Struct { kind: Some(1000190000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT: Struct = Struct { kind: Some(1000352000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN11_FEATURES: Struct = Struct { kind: Some(49), bytes: 64, least: [60, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 48 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN11_PROPERTIES: Struct = Struct { kind: Some(50), bytes: 112, least: [128, 12], repeats: false,
    whole: &[Op::Length(16), Op::Copy { at: 16, bytes: 16 }, Op::Length(16), Op::Copy { at: 32, bytes: 16 }, Op::Length(8), Op::Copy { at: 48, bytes: 52 }, Op::Copy { at: 104, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN12_FEATURES: Struct = Struct { kind: Some(51), bytes: 208, least: [200, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 188 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN12_PROPERTIES: Struct = Struct { kind: Some(52), bytes: 736, least: [756, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Length(256), Op::Copy { at: 20, bytes: 256 }, Op::Length(256), Op::Copy { at: 276, bytes: 256 }, Op::Small { at: 532, bytes: 1 }, Op::Small { at: 533, bytes: 1 }, Op::Small { at: 534, bytes: 1 }, Op::Small { at: 535, bytes: 1 }, Op::Copy { at: 536, bytes: 196 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN13_FEATURES: Struct = Struct { kind: Some(53), bytes: 80, least: [72, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 60 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN13_PROPERTIES: Struct = Struct { kind: Some(54), bytes: 216, least: [204, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 172 }, Op::Copy { at: 192, bytes: 12 }, Op::Copy { at: 208, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN14_FEATURES: Struct = Struct { kind: Some(55), bytes: 104, least: [96, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 84 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN14_PROPERTIES: Struct = Struct { kind: Some(56), bytes: 144, least: [140, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 80 }, Op::Array { at: 96, nullable: true, count: Count::Member { at: 92, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 104, bytes: 4 }, Op::Array { at: 112, nullable: true, count: Count::Member { at: 104, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Length(16), Op::Copy { at: 120, bytes: 20 }],
    skeleton: &[Op::Copy { at: 92, bytes: 4 }, Op::Array { at: 96, nullable: true, count: Count::Member { at: 92, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 104, bytes: 4 }, Op::Array { at: 112, nullable: true, count: Count::Member { at: 104, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES: Struct = Struct { kind: Some(1000211000), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_WORKGROUP_MEMORY_EXPLICIT_LAYOUT_FEATURES_KHR: Struct = Struct { kind: Some(1000336000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_YCBCR2_PLANE444_FORMATS_FEATURES_EXT: Struct = Struct { kind: Some(1000330000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_YCBCR_IMAGE_ARRAYS_FEATURES_EXT: Struct = Struct { kind: Some(1000252000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PHYSICAL_DEVICE_ZERO_INITIALIZE_WORKGROUP_MEMORY_FEATURES: Struct = Struct { kind: Some(1000325000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_CACHE_CREATE_INFO: Struct = Struct { kind: Some(17), bytes: 40, least: [32, 28], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Copy { at: 24, bytes: 8 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 8, rule: Rule::Same }, element: Element::Bytes(1) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_COLOR_BLEND_ADVANCED_STATE_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000148002), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_COLOR_BLEND_STATE_CREATE_INFO: Struct = Struct { kind: Some(26), bytes: 56, least: [60, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }, Op::Array { at: 32, nullable: true, count: Count::Member { at: 28, bytes: 4, rule: Rule::Same }, element: Element::Bytes(32) }, Op::Length(4), Op::Copy { at: 40, bytes: 16 }],
    skeleton: &[],
    chain: &[(1000148002, &PIPELINE_COLOR_BLEND_ADVANCED_STATE_CREATE_INFO_EXT), (1000381001, &PIPELINE_COLOR_WRITE_CREATE_INFO_EXT)] };
pub(in crate::venus) static PIPELINE_COLOR_WRITE_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000381001), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_CREATE_FLAGS2_CREATE_INFO: Struct = Struct { kind: Some(1000470005), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_CREATION_FEEDBACK: Struct = Struct { kind: None, bytes: 16, least: [12, 0], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 4 }, Op::Copy { at: 8, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_CREATION_FEEDBACK_CREATE_INFO: Struct = Struct { kind: Some(1000192000), bytes: 40, least: [32, 32], repeats: false,
    whole: &[Op::Pointer { at: 16, nullable: false, element: Element::Struct(&PIPELINE_CREATION_FEEDBACK) }, Op::Copy { at: 24, bytes: 4 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Struct(&PIPELINE_CREATION_FEEDBACK) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO: Struct = Struct { kind: Some(25), bytes: 104, least: [100, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 88 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_DYNAMIC_STATE_CREATE_INFO: Struct = Struct { kind: Some(27), bytes: 32, least: [28, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_FRAGMENT_SHADING_RATE_STATE_CREATE_INFO_KHR: Struct = Struct { kind: Some(1000226001), bytes: 32, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Length(2), Op::Copy { at: 24, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO: Struct = Struct { kind: Some(20), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_LAYOUT_CREATE_INFO: Struct = Struct { kind: Some(30), bytes: 48, least: [40, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::DescriptorSetLayout, nullable: true } }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(12) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_LIBRARY_CREATE_INFO_KHR: Struct = Struct { kind: Some(1000290000), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::Pipeline, nullable: false } }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_MULTISAMPLE_STATE_CREATE_INFO: Struct = Struct { kind: Some(24), bytes: 48, least: [44, 20], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }, Op::Array { at: 32, nullable: true, count: Count::Member { at: 20, bytes: 4, rule: Rule::Words }, element: Element::Bytes(4) }, Op::Copy { at: 40, bytes: 8 }],
    skeleton: &[],
    chain: &[(1000143002, &PIPELINE_SAMPLE_LOCATIONS_STATE_CREATE_INFO_EXT)] };
pub(in crate::venus) static PIPELINE_RASTERIZATION_CONSERVATIVE_STATE_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000101001), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_RASTERIZATION_DEPTH_CLIP_STATE_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000102001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_RASTERIZATION_LINE_STATE_CREATE_INFO: Struct = Struct { kind: Some(1000259001), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 12 }, Op::Small { at: 28, bytes: 2 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_RASTERIZATION_PROVOKING_VERTEX_STATE_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000254001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_RASTERIZATION_STATE_CREATE_INFO: Struct = Struct { kind: Some(23), bytes: 64, least: [56, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 44 }],
    skeleton: &[],
    chain: &[(1000028002, &PIPELINE_RASTERIZATION_STATE_STREAM_CREATE_INFO_EXT), (1000101001, &PIPELINE_RASTERIZATION_CONSERVATIVE_STATE_CREATE_INFO_EXT), (1000102001, &PIPELINE_RASTERIZATION_DEPTH_CLIP_STATE_CREATE_INFO_EXT), (1000254001, &PIPELINE_RASTERIZATION_PROVOKING_VERTEX_STATE_CREATE_INFO_EXT), (1000259001, &PIPELINE_RASTERIZATION_LINE_STATE_CREATE_INFO), (1000283002, &DEPTH_BIAS_REPRESENTATION_INFO_EXT)] };
pub(in crate::venus) static PIPELINE_RASTERIZATION_STATE_STREAM_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000028002), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_RENDERING_CREATE_INFO: Struct = Struct { kind: Some(1000044002), bytes: 40, least: [36, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 32, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_ROBUSTNESS_CREATE_INFO: Struct = Struct { kind: Some(1000068000), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_SAMPLE_LOCATIONS_STATE_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000143002), bytes: 64, least: [52, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Struct { at: 24, of: &SAMPLE_LOCATIONS_INFO_EXT }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_SHADER_STAGE_CREATE_INFO: Struct = Struct { kind: Some(18), bytes: 48, least: [44, 28], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Handle { at: 24, kind: ObjectType::ShaderModule, nullable: true }, Op::Text { at: 32, nullable: false }, Op::Pointer { at: 40, nullable: true, element: Element::Struct(&SPECIALIZATION_INFO) }],
    skeleton: &[],
    chain: &[(16, &SHADER_MODULE_CREATE_INFO), (1000068000, &PIPELINE_ROBUSTNESS_CREATE_INFO), (1000135006, &SHADER_DESCRIPTOR_SET_AND_BINDING_MAPPING_INFO_EXT), (1000225001, &PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO)] };
pub(in crate::venus) static PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO: Struct = Struct { kind: Some(1000225001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_TESSELLATION_DOMAIN_ORIGIN_STATE_CREATE_INFO: Struct = Struct { kind: Some(1000117003), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_TESSELLATION_STATE_CREATE_INFO: Struct = Struct { kind: Some(21), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[(1000117003, &PIPELINE_TESSELLATION_DOMAIN_ORIGIN_STATE_CREATE_INFO)] };
pub(in crate::venus) static PIPELINE_VERTEX_INPUT_DIVISOR_STATE_CREATE_INFO: Struct = Struct { kind: Some(1000190001), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO: Struct = Struct { kind: Some(19), bytes: 48, least: [40, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(12) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(16) }],
    skeleton: &[],
    chain: &[(1000190001, &PIPELINE_VERTEX_INPUT_DIVISOR_STATE_CREATE_INFO)] };
pub(in crate::venus) static PIPELINE_VIEWPORT_DEPTH_CLAMP_CONTROL_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000582001), bytes: 32, least: [24, 20], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Pointer { at: 24, nullable: true, element: Element::Bytes(8) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_VIEWPORT_DEPTH_CLIP_CONTROL_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000355001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PIPELINE_VIEWPORT_STATE_CREATE_INFO: Struct = Struct { kind: Some(22), bytes: 48, least: [40, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(24) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(16) }],
    skeleton: &[],
    chain: &[(1000355001, &PIPELINE_VIEWPORT_DEPTH_CLIP_CONTROL_CREATE_INFO_EXT), (1000582001, &PIPELINE_VIEWPORT_DEPTH_CLAMP_CONTROL_CREATE_INFO_EXT)] };
pub(in crate::venus) static PRIVATE_DATA_SLOT_CREATE_INFO: Struct = Struct { kind: Some(1000295002), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PROTECTED_SUBMIT_INFO: Struct = Struct { kind: Some(1000145000), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PUSH_CONSTANTS_INFO: Struct = Struct { kind: Some(1000545004), bytes: 48, least: [40, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::PipelineLayout, nullable: true }, Op::Copy { at: 24, bytes: 12 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(1) }],
    skeleton: &[],
    chain: &[(30, &PIPELINE_LAYOUT_CREATE_INFO)] };
pub(in crate::venus) static PUSH_DATA_INFO_EXT: Struct = Struct { kind: Some(1000135004), bytes: 40, least: [32, 28], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Copy { at: 32, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 32, bytes: 8, rule: Rule::Same }, element: Element::Bytes(1) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static PUSH_DESCRIPTOR_SET_INFO: Struct = Struct { kind: Some(1000545005), bytes: 48, least: [40, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Handle { at: 24, kind: ObjectType::PipelineLayout, nullable: true }, Op::Copy { at: 32, bytes: 8 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 36, bytes: 4, rule: Rule::Same }, element: Element::Struct(&WRITE_DESCRIPTOR_SET) }],
    skeleton: &[],
    chain: &[(30, &PIPELINE_LAYOUT_CREATE_INFO)] };
pub(in crate::venus) static QUERY_POOL_CREATE_INFO: Struct = Struct { kind: Some(11), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static QUEUE_FAMILY_GLOBAL_PRIORITY_PROPERTIES: Struct = Struct { kind: Some(1000388001), bytes: 88, least: [88, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Length(16), Op::Copy { at: 20, bytes: 64 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static QUEUE_FAMILY_PROPERTIES2: Struct = Struct { kind: Some(1000059005), bytes: 40, least: [36, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 24 }],
    skeleton: &[],
    chain: &[(1000388001, &QUEUE_FAMILY_GLOBAL_PRIORITY_PROPERTIES)] };
pub(in crate::venus) static RAY_TRACING_PIPELINE_CREATE_INFO_KHR: Struct = Struct { kind: Some(1000150015), bytes: 104, least: [88, 60], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Struct(&PIPELINE_SHADER_STAGE_CREATE_INFO) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&RAY_TRACING_SHADER_GROUP_CREATE_INFO_KHR) }, Op::Copy { at: 48, bytes: 4 }, Op::Pointer { at: 56, nullable: true, element: Element::Struct(&PIPELINE_LIBRARY_CREATE_INFO_KHR) }, Op::Pointer { at: 64, nullable: true, element: Element::Struct(&RAY_TRACING_PIPELINE_INTERFACE_CREATE_INFO_KHR) }, Op::Pointer { at: 72, nullable: true, element: Element::Struct(&PIPELINE_DYNAMIC_STATE_CREATE_INFO) }, Op::Handle { at: 80, kind: ObjectType::PipelineLayout, nullable: true }, Op::Handle { at: 88, kind: ObjectType::Pipeline, nullable: true }, Op::Copy { at: 96, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000068000, &PIPELINE_ROBUSTNESS_CREATE_INFO), (1000192000, &PIPELINE_CREATION_FEEDBACK_CREATE_INFO), (1000470005, &PIPELINE_CREATE_FLAGS2_CREATE_INFO)] };
pub(in crate::venus) static RAY_TRACING_PIPELINE_INTERFACE_CREATE_INFO_KHR: Struct = Struct { kind: Some(1000150018), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RAY_TRACING_SHADER_GROUP_CREATE_INFO_KHR: Struct = Struct { kind: Some(1000150016), bytes: 48, least: [40, 20], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }, Op::Null],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDER_PASS_ATTACHMENT_BEGIN_INFO: Struct = Struct { kind: Some(1000108003), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::ImageView, nullable: false } }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDER_PASS_BEGIN_INFO: Struct = Struct { kind: Some(43), bytes: 64, least: [56, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::RenderPass, nullable: false }, Op::Handle { at: 24, kind: ObjectType::Framebuffer, nullable: false }, Op::Copy { at: 32, bytes: 20 }, Op::Array { at: 56, nullable: true, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Struct(&CLEAR_VALUE) }],
    skeleton: &[],
    chain: &[(1000060003, &DEVICE_GROUP_RENDER_PASS_BEGIN_INFO), (1000108003, &RENDER_PASS_ATTACHMENT_BEGIN_INFO), (1000143001, &RENDER_PASS_SAMPLE_LOCATIONS_BEGIN_INFO_EXT)] };
pub(in crate::venus) static RENDER_PASS_CREATE_INFO: Struct = Struct { kind: Some(38), bytes: 64, least: [52, 48], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(36) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SUBPASS_DESCRIPTION) }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Bytes(28) }],
    skeleton: &[],
    chain: &[(1000053000, &RENDER_PASS_MULTIVIEW_CREATE_INFO), (1000117001, &RENDER_PASS_INPUT_ATTACHMENT_ASPECT_CREATE_INFO)] };
pub(in crate::venus) static RENDER_PASS_CREATE_INFO2: Struct = Struct { kind: Some(1000109004), bytes: 80, least: [64, 60], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Struct(&ATTACHMENT_DESCRIPTION2) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SUBPASS_DESCRIPTION2) }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SUBPASS_DEPENDENCY2) }, Op::Copy { at: 64, bytes: 4 }, Op::Array { at: 72, nullable: false, count: Count::Member { at: 64, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDER_PASS_INPUT_ATTACHMENT_ASPECT_CREATE_INFO: Struct = Struct { kind: Some(1000117001), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(12) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDER_PASS_MULTIVIEW_CREATE_INFO: Struct = Struct { kind: Some(1000053000), bytes: 64, least: [48, 48], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDER_PASS_SAMPLE_LOCATIONS_BEGIN_INFO_EXT: Struct = Struct { kind: Some(1000143001), bytes: 48, least: [36, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Struct(&ATTACHMENT_SAMPLE_LOCATIONS_EXT) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SUBPASS_SAMPLE_LOCATIONS_EXT) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDERING_AREA_INFO: Struct = Struct { kind: Some(1000470003), bytes: 40, least: [36, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 32, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDERING_ATTACHMENT_INFO: Struct = Struct { kind: Some(1000044001), bytes: 72, least: [60, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::ImageView, nullable: true }, Op::Copy { at: 24, bytes: 8 }, Op::Handle { at: 32, kind: ObjectType::ImageView, nullable: true }, Op::Copy { at: 40, bytes: 12 }, Op::Union { at: 52, selector: None, arms: &[(0, &[Op::Union { at: 0, selector: None, arms: &[(0, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (1, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (2, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }])] }]), (1, &[Op::Copy { at: 0, bytes: 8 }])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDERING_ATTACHMENT_LOCATION_INFO: Struct = Struct { kind: Some(1000232001), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDERING_FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR: Struct = Struct { kind: Some(1000044006), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::ImageView, nullable: true }, Op::Copy { at: 24, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RENDERING_INFO: Struct = Struct { kind: Some(1000044000), bytes: 72, least: [68, 40], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 32 }, Op::Array { at: 48, nullable: false, count: Count::Member { at: 44, bytes: 4, rule: Rule::Same }, element: Element::Struct(&RENDERING_ATTACHMENT_INFO) }, Op::Pointer { at: 56, nullable: true, element: Element::Struct(&RENDERING_ATTACHMENT_INFO) }, Op::Pointer { at: 64, nullable: true, element: Element::Struct(&RENDERING_ATTACHMENT_INFO) }],
    skeleton: &[],
    chain: &[(1000044006, &RENDERING_FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR), (1000060003, &DEVICE_GROUP_RENDER_PASS_BEGIN_INFO), (1000376002, &MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_INFO_EXT)] };
pub(in crate::venus) static RENDERING_INPUT_ATTACHMENT_INDEX_INFO: Struct = Struct { kind: Some(1000232002), bytes: 48, least: [40, 40], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Pointer { at: 32, nullable: true, element: Element::Bytes(4) }, Op::Pointer { at: 40, nullable: true, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RESOLVE_IMAGE_INFO2: Struct = Struct { kind: Some(1000337005), bytes: 56, least: [48, 24], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 24, bytes: 4 }, Op::Handle { at: 32, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 40, bytes: 8 }, Op::Array { at: 48, nullable: false, count: Count::Member { at: 44, bytes: 4, rule: Rule::Same }, element: Element::Struct(&IMAGE_RESOLVE2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RESOURCE_DESCRIPTOR_INFO_EXT: Struct = Struct { kind: Some(1000135002), bytes: 32, least: [28, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Union { at: 24, selector: Some(16), arms: &[(2, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&IMAGE_DESCRIPTOR_INFO_EXT) }]), (3, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&IMAGE_DESCRIPTOR_INFO_EXT) }]), (10, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&IMAGE_DESCRIPTOR_INFO_EXT) }]), (1000440001, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&IMAGE_DESCRIPTOR_INFO_EXT) }]), (1000440000, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&IMAGE_DESCRIPTOR_INFO_EXT) }]), (4, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&TEXEL_BUFFER_DESCRIPTOR_INFO_EXT) }]), (5, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&TEXEL_BUFFER_DESCRIPTOR_INFO_EXT) }]), (1000150000, &[Op::Pointer { at: 0, nullable: true, element: Element::Bytes(16) }]), (6, &[Op::Pointer { at: 0, nullable: true, element: Element::Bytes(16) }]), (7, &[Op::Pointer { at: 0, nullable: true, element: Element::Bytes(16) }]), (1000460000, &[Op::Pointer { at: 0, nullable: true, element: Element::Struct(&TENSOR_VIEW_CREATE_INFO_ARM) }])] }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RING_CREATE_INFO_MESA: Struct = Struct { kind: Some(1000384000), bytes: 104, least: [100, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 88 }],
    skeleton: &[],
    chain: &[(1000384006, &RING_MONITOR_INFO_MESA), (1000384007, &RING_PRIORITY_INFO_MESA)] };
pub(in crate::venus) static RING_MONITOR_INFO_MESA: Struct = Struct { kind: Some(1000384006), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static RING_PRIORITY_INFO_MESA: Struct = Struct { kind: Some(1000384007), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLE_LOCATIONS_INFO_EXT: Struct = Struct { kind: Some(1000143000), bytes: 40, least: [36, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 28, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLER_BORDER_COLOR_COMPONENT_MAPPING_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000411001), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLER_CREATE_INFO: Struct = Struct { kind: Some(31), bytes: 80, least: [76, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 64 }],
    skeleton: &[],
    chain: &[(1000130001, &SAMPLER_REDUCTION_MODE_CREATE_INFO), (1000135011, &SAMPLER_CUSTOM_BORDER_COLOR_INDEX_CREATE_INFO_EXT), (1000156001, &SAMPLER_YCBCR_CONVERSION_INFO), (1000287000, &SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT), (1000411001, &SAMPLER_BORDER_COLOR_COMPONENT_MAPPING_CREATE_INFO_EXT)] };
pub(in crate::venus) static SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000287000), bytes: 40, least: [44, 40], repeats: false,
    whole: &[Op::Union { at: 16, selector: None, arms: &[(0, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (1, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }]), (2, &[Op::Length(4), Op::Copy { at: 0, bytes: 16 }])] }, Op::Copy { at: 32, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLER_CUSTOM_BORDER_COLOR_INDEX_CREATE_INFO_EXT: Struct = Struct { kind: Some(1000135011), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLER_REDUCTION_MODE_CREATE_INFO: Struct = Struct { kind: Some(1000130001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLER_YCBCR_CONVERSION_CREATE_INFO: Struct = Struct { kind: Some(1000156000), bytes: 64, least: [56, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 44 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLER_YCBCR_CONVERSION_IMAGE_FORMAT_PROPERTIES: Struct = Struct { kind: Some(1000156005), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SAMPLER_YCBCR_CONVERSION_INFO: Struct = Struct { kind: Some(1000156001), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::SamplerYcbcrConversion, nullable: false }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SEMAPHORE_CREATE_INFO: Struct = Struct { kind: Some(9), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[(1000077000, &EXPORT_SEMAPHORE_CREATE_INFO), (1000207002, &SEMAPHORE_TYPE_CREATE_INFO)] };
pub(in crate::venus) static SEMAPHORE_SIGNAL_INFO: Struct = Struct { kind: Some(1000207005), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Semaphore, nullable: false }, Op::Copy { at: 24, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SEMAPHORE_SUBMIT_INFO: Struct = Struct { kind: Some(1000314005), bytes: 48, least: [40, 12], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::Semaphore, nullable: false }, Op::Copy { at: 24, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SEMAPHORE_TYPE_CREATE_INFO: Struct = Struct { kind: Some(1000207002), bytes: 32, least: [24, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Copy { at: 24, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SEMAPHORE_WAIT_INFO: Struct = Struct { kind: Some(1000207004), bytes: 40, least: [36, 32], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::Semaphore, nullable: false } }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SHADER_DESCRIPTOR_SET_AND_BINDING_MAPPING_INFO_EXT: Struct = Struct { kind: Some(1000135006), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Struct(&DESCRIPTOR_SET_AND_BINDING_MAPPING_EXT) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SHADER_MODULE_CREATE_INFO: Struct = Struct { kind: Some(16), bytes: 40, least: [32, 20], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Copy { at: 24, bytes: 8 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 8, rule: Rule::Quarter }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPARSE_BUFFER_MEMORY_BIND_INFO: Struct = Struct { kind: None, bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 0, kind: ObjectType::Buffer, nullable: false }, Op::Copy { at: 8, bytes: 4 }, Op::Array { at: 16, nullable: false, count: Count::Member { at: 8, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SPARSE_MEMORY_BIND) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPARSE_IMAGE_FORMAT_PROPERTIES2: Struct = Struct { kind: Some(1000059007), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 20 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPARSE_IMAGE_MEMORY_BIND: Struct = Struct { kind: None, bytes: 64, least: [56, 0], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 36 }, Op::Handle { at: 40, kind: ObjectType::DeviceMemory, nullable: true }, Op::Copy { at: 48, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPARSE_IMAGE_MEMORY_BIND_INFO: Struct = Struct { kind: None, bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 0, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 8, bytes: 4 }, Op::Array { at: 16, nullable: false, count: Count::Member { at: 8, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SPARSE_IMAGE_MEMORY_BIND) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPARSE_IMAGE_MEMORY_REQUIREMENTS2: Struct = Struct { kind: Some(1000146004), bytes: 64, least: [60, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 48 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPARSE_IMAGE_OPAQUE_MEMORY_BIND_INFO: Struct = Struct { kind: None, bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Handle { at: 0, kind: ObjectType::Image, nullable: false }, Op::Copy { at: 8, bytes: 4 }, Op::Array { at: 16, nullable: false, count: Count::Member { at: 8, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SPARSE_MEMORY_BIND) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPARSE_MEMORY_BIND: Struct = Struct { kind: None, bytes: 40, least: [36, 0], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 16 }, Op::Handle { at: 16, kind: ObjectType::DeviceMemory, nullable: true }, Op::Copy { at: 24, bytes: 12 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SPECIALIZATION_INFO: Struct = Struct { kind: None, bytes: 32, least: [28, 28], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 4 }, Op::Array { at: 8, nullable: false, count: Count::Member { at: 0, bytes: 4, rule: Rule::Same }, element: Element::Bytes(16) }, Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 8, rule: Rule::Same }, element: Element::Bytes(1) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBMIT_INFO: Struct = Struct { kind: Some(4), bytes: 72, least: [56, 56], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::Semaphore, nullable: false } }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }, Op::Copy { at: 40, bytes: 4 }, Op::Array { at: 48, nullable: false, count: Count::Member { at: 40, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::CommandBuffer, nullable: false } }, Op::Copy { at: 56, bytes: 4 }, Op::Array { at: 64, nullable: false, count: Count::Member { at: 56, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::Semaphore, nullable: false } }],
    skeleton: &[],
    chain: &[(1000060005, &DEVICE_GROUP_SUBMIT_INFO), (1000145000, &PROTECTED_SUBMIT_INFO), (1000207003, &TIMELINE_SEMAPHORE_SUBMIT_INFO)] };
pub(in crate::venus) static SUBMIT_INFO2: Struct = Struct { kind: Some(1000314004), bytes: 64, least: [52, 48], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 20, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SEMAPHORE_SUBMIT_INFO) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: false, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&COMMAND_BUFFER_SUBMIT_INFO) }, Op::Copy { at: 48, bytes: 4 }, Op::Array { at: 56, nullable: false, count: Count::Member { at: 48, bytes: 4, rule: Rule::Same }, element: Element::Struct(&SEMAPHORE_SUBMIT_INFO) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBPASS_BEGIN_INFO: Struct = Struct { kind: Some(1000109005), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBPASS_DEPENDENCY2: Struct = Struct { kind: Some(1000109003), bytes: 48, least: [44, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 32 }],
    skeleton: &[],
    chain: &[(1000314000, &MEMORY_BARRIER2)] };
pub(in crate::venus) static SUBPASS_DESCRIPTION: Struct = Struct { kind: None, bytes: 72, least: [60, 52], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 12 }, Op::Array { at: 16, nullable: false, count: Count::Member { at: 8, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }, Op::Copy { at: 24, bytes: 4 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 24, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }, Op::Pointer { at: 48, nullable: true, element: Element::Bytes(8) }, Op::Copy { at: 56, bytes: 4 }, Op::Array { at: 64, nullable: false, count: Count::Member { at: 56, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBPASS_DESCRIPTION2: Struct = Struct { kind: Some(1000109002), bytes: 88, least: [76, 64], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }, Op::Array { at: 32, nullable: false, count: Count::Member { at: 28, bytes: 4, rule: Rule::Same }, element: Element::Struct(&ATTACHMENT_REFERENCE2) }, Op::Copy { at: 40, bytes: 4 }, Op::Array { at: 48, nullable: false, count: Count::Member { at: 40, bytes: 4, rule: Rule::Same }, element: Element::Struct(&ATTACHMENT_REFERENCE2) }, Op::Array { at: 56, nullable: true, count: Count::Member { at: 40, bytes: 4, rule: Rule::Same }, element: Element::Struct(&ATTACHMENT_REFERENCE2) }, Op::Pointer { at: 64, nullable: true, element: Element::Struct(&ATTACHMENT_REFERENCE2) }, Op::Copy { at: 72, bytes: 4 }, Op::Array { at: 80, nullable: false, count: Count::Member { at: 72, bytes: 4, rule: Rule::Same }, element: Element::Bytes(4) }],
    skeleton: &[],
    chain: &[(1000199001, &SUBPASS_DESCRIPTION_DEPTH_STENCIL_RESOLVE), (1000226000, &FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR), (1000376002, &MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_INFO_EXT)] };
pub(in crate::venus) static SUBPASS_DESCRIPTION_DEPTH_STENCIL_RESOLVE: Struct = Struct { kind: Some(1000199001), bytes: 32, least: [28, 20], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Pointer { at: 24, nullable: true, element: Element::Struct(&ATTACHMENT_REFERENCE2) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBPASS_END_INFO: Struct = Struct { kind: Some(1000109006), bytes: 16, least: [12, 12], repeats: false,
    whole: &[],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBPASS_RESOLVE_PERFORMANCE_QUERY_EXT: Struct = Struct { kind: Some(1000376001), bytes: 24, least: [16, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBPASS_SAMPLE_LOCATIONS_EXT: Struct = Struct { kind: None, bytes: 48, least: [40, 24], repeats: false,
    whole: &[Op::Copy { at: 0, bytes: 4 }, Op::Struct { at: 8, of: &SAMPLE_LOCATIONS_INFO_EXT }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBRESOURCE_HOST_MEMCPY_SIZE: Struct = Struct { kind: Some(1000270008), bytes: 24, least: [20, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static SUBRESOURCE_LAYOUT2: Struct = Struct { kind: Some(1000338002), bytes: 56, least: [52, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 40 }],
    skeleton: &[],
    chain: &[(1000270008, &SUBRESOURCE_HOST_MEMCPY_SIZE)] };
pub(in crate::venus) static TENSOR_VIEW_CREATE_INFO_ARM: Struct = Struct { kind: Some(1000460001), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 8 }, Op::Handle { at: 24, kind: ObjectType::TensorARM, nullable: false }, Op::Copy { at: 32, bytes: 4 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static TEXEL_BUFFER_DESCRIPTOR_INFO_EXT: Struct = Struct { kind: Some(1000135000), bytes: 40, least: [32, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Copy { at: 24, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static TIMELINE_SEMAPHORE_SUBMIT_INFO: Struct = Struct { kind: Some(1000207003), bytes: 48, least: [36, 36], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: true, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }, Op::Copy { at: 32, bytes: 4 }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Bytes(8) }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static VERTEX_INPUT_ATTRIBUTE_DESCRIPTION2_EXT: Struct = Struct { kind: Some(1000352002), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static VERTEX_INPUT_BINDING_DESCRIPTION2_EXT: Struct = Struct { kind: Some(1000352001), bytes: 32, least: [28, 12], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 16 }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static WRITE_DESCRIPTOR_SET: Struct = Struct { kind: Some(35), bytes: 64, least: [60, 40], repeats: false,
    whole: &[Op::Handle { at: 16, kind: ObjectType::DescriptorSet, nullable: true }, Op::Copy { at: 24, bytes: 16 }, Op::Array { at: 40, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&DESCRIPTOR_IMAGE_INFO) }, Op::Array { at: 48, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Struct(&DESCRIPTOR_BUFFER_INFO) }, Op::Array { at: 56, nullable: true, count: Count::Member { at: 32, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::BufferView, nullable: true } }],
    skeleton: &[],
    chain: &[(1000138002, &WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK), (1000150007, &WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR)] };
pub(in crate::venus) static WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR: Struct = Struct { kind: Some(1000150007), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Handle { kind: ObjectType::AccelerationStructureKHR, nullable: true } }],
    skeleton: &[],
    chain: &[] };
pub(in crate::venus) static WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK: Struct = Struct { kind: Some(1000138002), bytes: 32, least: [24, 24], repeats: false,
    whole: &[Op::Copy { at: 16, bytes: 4 }, Op::Array { at: 24, nullable: false, count: Count::Member { at: 16, bytes: 4, rule: Rule::Same }, element: Element::Bytes(1) }],
    skeleton: &[],
    chain: &[] };
