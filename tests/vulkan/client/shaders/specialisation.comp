#version 450
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool negate = false;
layout(constant_id = 2) const int added = 0;
layout(constant_id = 3) const float factor = 1.0;
layout(binding = 0) writeonly buffer Output { float data[]; } result;
void main() {
    uint i = gl_GlobalInvocationID.x;
    float value = (float(i) + float(added)) * factor;
    result.data[i] = negate ? -value : value;
    if (i == 0u) result.data[gl_NumWorkGroups.x * gl_WorkGroupSize.x] = float(gl_WorkGroupSize.x);
}
