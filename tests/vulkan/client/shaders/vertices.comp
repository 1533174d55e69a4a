#version 450
layout(local_size_x = 64) in;

struct Vertex {
    vec4 position;
    vec4 colour;
};

layout(set = 0, binding = 0) buffer Vertices { Vertex vertices[]; };

// A fan of triangles around the middle, in all colours.
void main() {
    uint index = gl_GlobalInvocationID.x;
    uint corner = index % 3;
    float turn = float(index / 3 + (corner == 2 ? 1 : 0)) * 6.28318530718 / 20.0;
    float radius = corner == 0 ? 0.0 : 0.9;
    vertices[index].position = vec4(radius * cos(turn), radius * sin(turn), 0.0, 1.0);
    vertices[index].colour = vec4(0.5 + 0.5 * cos(turn), 0.5 + 0.5 * sin(turn), corner == 0 ? 1.0 : 0.0, 1.0);
}
