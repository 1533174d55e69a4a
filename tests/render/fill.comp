#version 450
// Each invocation writes its number, plus a push constant, times a specialisation constant.
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint FACTOR = 1;
layout(push_constant) uniform Push { uint start; };
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };

void main() {
    uint at = gl_GlobalInvocationID.x;
    numbers[at] = (at + start) * FACTOR;
}
