#version 450
// The first run writes how many groups the second has; the second counts them.
layout(local_size_x = 1) in;
layout(push_constant) uniform Push { uint step_number; } push;
layout(binding = 0) buffer Output { uint groups[3]; uint counted; } result;
void main() {
    if (push.step_number == 0u) {
        result.groups[0] = 5u; result.groups[1] = 3u; result.groups[2] = 2u;
    } else {
        atomicAdd(result.counted, 1u);
    }
}
