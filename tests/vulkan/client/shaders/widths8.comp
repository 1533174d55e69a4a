#version 450
// Every element of 8 bits: times three and one, as the host computes it.
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { uint8_t data[]; } given;
layout(binding = 1) writeonly buffer Output { uint8_t data[]; } result;
void main() { uint i = gl_GlobalInvocationID.x; result.data[i] = given.data[i] * uint8_t(3) + uint8_t(1); }
