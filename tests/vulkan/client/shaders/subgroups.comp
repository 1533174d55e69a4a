#version 450
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
layout(local_size_x = 64) in;
layout(binding = 0) writeonly buffer Output { uint data[]; } result;
void main() {
    uint i = gl_LocalInvocationID.x;
    uint sum = subgroupAdd(1u);
    uvec4 ballot = subgroupBallot((gl_SubgroupInvocationID & 1u) == 0u);
    result.data[i] = sum;
    result.data[64u + i] = subgroupBallotBitCount(ballot);
    result.data[128u + i] = subgroupExclusiveAdd(1u) == gl_SubgroupInvocationID ? 1u : 0u;
}
