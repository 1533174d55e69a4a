#version 450
layout(location = 0) in vec4 position;
layout(location = 1) in vec4 colour;
layout(location = 0) out vec4 interpolated;
layout(push_constant) uniform Push { vec4 offset; };

void main() {
    gl_Position = position + offset;
    interpolated = colour;
}
