#version 450
layout(location = 0) in vec4 coordinates;
layout(location = 0) out vec4 pixel;
layout(set = 0, binding = 0) uniform sampler2D image;

void main() {
    pixel = textureLod(image, coordinates.xy, coordinates.z);
}
