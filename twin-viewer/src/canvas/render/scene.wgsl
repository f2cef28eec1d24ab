// One picture of the scene: background, tiles, edges, emphasis. Colours are linear in
// here and leave as sRGB.

struct Frame {
    // Clip space from positions relative to the eye; depth is 1 near and 0 far.
    clip_from_relative: mat4x4<f32>,
    // The eye in the local frame, split in two so that no digit is lost.
    eye_high: vec4<f32>,
    eye_low: vec4<f32>,
    // xyz: axes of the view; w of right and up: half the view's width and height at 1 m.
    right: vec4<f32>,
    up: vec4<f32>,
    forward: vec4<f32>,
    // Width and height of the picture in pixels, pixels per CSS pixel, height of the ground.
    picture: vec4<f32>,
    // Reach of the fog in m, pulse 0..1, 1 when unpainted things are ghosts, near depth.
    look: vec4<f32>,
    // Middle of the scene relative to the eye, and half its size, east and north.
    extent: vec4<f32>,
}

struct Part {
    // Local frame from normalised positions: three columns and an origin split in two.
    x: vec4<f32>,
    y: vec4<f32>,
    z: vec4<f32>,
    origin_high: vec4<f32>,
    origin_low: vec4<f32>,
    // Local frame from normals.
    nx: vec4<f32>,
    ny: vec4<f32>,
    nz: vec4<f32>,
    // First slot, class, how often it was drawn before, -
    slot: vec4<u32>,
}

@group(0) @binding(0) var<uniform> frame: Frame;
@group(0) @binding(1) var state: texture_2d<f32>;
@group(1) @binding(0) var<uniform> part: Part;

const SLOTS_PER_ROW: u32 = 1024u;
const HIDDEN: u32 = 1u;
const SELECTED: u32 = 2u;
const HOVERED: u32 = 4u;
const CONTEXT: u32 = 8u;

const OPAQUE: u32 = 0u;
const GROUND: u32 = 1u;
const GLASS: u32 = 2u;
const SPACE: u32 = 3u;
const EDGE: u32 = 4u;
const SPACE_EDGE: u32 = 5u;

const ACCENT: vec3<f32> = vec3<f32>(0.10, 0.45, 0.95);
const HORIZON: vec3<f32> = vec3<f32>(0.0235, 0.0262, 0.0300);
const ZENITH: vec3<f32> = vec3<f32>(0.0085, 0.0098, 0.0118);
const PLAIN: vec3<f32> = vec3<f32>(0.0270, 0.0285, 0.0300);

fn to_linear(c: vec3<f32>) -> vec3<f32> {
    return select(pow((c + 0.055) / 1.055, vec3<f32>(2.4)), c / 12.92, c <= vec3<f32>(0.04045));
}

fn to_srgb(c: vec3<f32>) -> vec3<f32> {
    let x = max(c, vec3<f32>(0.0));
    return select(1.055 * pow(x, vec3<f32>(1.0 / 2.4)) - 0.055, x * 12.92, x <= vec3<f32>(0.0031308));
}

fn luminance(c: vec3<f32>) -> f32 {
    return dot(c, vec3<f32>(0.2126, 0.7152, 0.0722));
}

// Where a normalised position is, relative to the eye, m.
fn relative(position: vec3<f32>) -> vec3<f32> {
    let origin = (part.origin_high.xyz - frame.eye_high.xyz)
        + (part.origin_low.xyz - frame.eye_low.xyz);
    return origin + part.x.xyz * position.x + part.y.xyz * position.y + part.z.xyz * position.z;
}

// A vector turned by a unit quaternion.
fn turned(v: vec3<f32>, rotation: vec4<f32>) -> vec3<f32> {
    let twice = 2.0 * cross(rotation.xyz, v);
    return v + rotation.w * twice + cross(rotation.xyz, twice);
}

struct Look {
    color: vec3<f32>,
    mix: f32,
    flags: u32,
    pattern: u32,
    pulse: f32,
}

fn look_of(feature: u32) -> Look {
    let slot = part.slot.x + feature;
    let at = vec2<i32>(i32((slot % SLOTS_PER_ROW) * 2u), i32(slot / SLOTS_PER_ROW));
    let a = textureLoad(state, at, 0);
    let b = textureLoad(state, at + vec2<i32>(1, 0), 0);
    return Look(to_linear(a.rgb), a.a, u32(b.r * 255.0 + 0.5), u32(b.g * 255.0 + 0.5), b.b);
}

fn fogged(color: vec3<f32>, distance: f32) -> vec3<f32> {
    let amount = 1.0 - exp(-pow(distance / frame.look.x, 2.0));
    return mix(color, HORIZON, amount);
}

// 0 well inside the scene, 1 at its border: there it melts into the plain around it.
fn border(relative: vec2<f32>) -> f32 {
    let out = abs(relative - frame.extent.xy) / max(frame.extent.zw, vec2<f32>(1.0));
    return smoothstep(0.55, 0.98, max(out.x, out.y));
}

fn checker_hash(p: vec2<f32>) -> f32 {
    return fract(52.9829189 * fract(dot(floor(p), vec2<f32>(0.06711056, 0.00583715))));
}

// ---------------------------------------------------------------- surfaces

struct Surface {
    @builtin(position) clip: vec4<f32>,
    @location(0) relative: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) color: vec4<f32>,
    @location(3) @interpolate(flat) paint: vec4<f32>,
    // flags, pattern
    @location(4) @interpolate(flat) bits: vec2<u32>,
}

@vertex
fn surface_vertex(
    @location(0) position: vec4<f32>,
    @location(1) normal: vec4<f32>,
    @location(2) color: vec4<f32>,
    @location(3) feature: vec2<u32>,
    @location(4) translation: vec3<f32>,
    @location(5) rotation: vec4<f32>,
) -> Surface {
    let look = look_of(feature.x);
    var out: Surface;
    out.relative = relative(turned(position.xyz, rotation) + translation);
    out.clip = frame.clip_from_relative * vec4<f32>(out.relative, 1.0);
    let unpainted = look.mix == 0.0 && (look.flags & SELECTED) == 0u;
    if (look.flags & HIDDEN) != 0u || (part.slot.y == SPACE && unpainted) {
        out.clip = vec4<f32>(2.0, 2.0, 2.0, 1.0);
    }
    let facing = turned(normal.xyz, rotation);
    out.normal = part.nx.xyz * facing.x + part.ny.xyz * facing.y + part.nz.xyz * facing.z;
    out.color = color;
    let pulse = mix(1.0, frame.look.y, look.pulse);
    out.paint = vec4<f32>(look.color, look.mix * pulse);
    out.bits = vec2<u32>(look.flags, look.pattern);
    return out;
}

// How much of the paint's pattern is here, 0 or 1: in picture space, so that it reads
// the same near and far.
fn patterned(pattern: u32, at: vec2<f32>) -> f32 {
    let p = at / (frame.picture.z * 9.0);
    if pattern == 1u {
        return step(0.5, fract(p.x + p.y));
    }
    let cell = fract(vec2<f32>(p.x + p.y, p.x - p.y) * 0.75) - 0.5;
    return select(1.0, step(dot(cell, cell), 0.075), pattern == 2u);
}

// The authored colour, calmed: data is what is saturated here. What lies flat on the
// ground is darkest, so that buildings stand out against it.
fn calmed(color: vec3<f32>, flat_on_ground: f32, flags: u32) -> vec3<f32> {
    let luma = luminance(color);
    let grey = vec3<f32>(luma);
    // Beside a model the town stands back; a scene that is a town shows it as it is.
    if (flags & CONTEXT) != 0u && frame.forward.w > 0.5 {
        return mix(grey, color, 0.3) * 0.105 + 0.010;
    }
    // Trees and lamps stand back behind the buildings.
    let object = select(
        mix(grey, color, 0.65) * 0.46 + 0.014,
        mix(grey, color, 0.85) * 0.25 + 0.008,
        part.slot.y == GROUND,
    );
    // Dark lawns and pale paving come closer together.
    let plain = mix(grey, color, 0.9) * 0.060 * pow(luma + 0.02, -0.35);
    return mix(object, plain, flat_on_ground);
}

fn lit(albedo: vec3<f32>, normal: vec3<f32>, view: vec3<f32>, height: f32) -> vec3<f32> {
    let sky = vec3<f32>(0.62, 0.66, 0.72);
    let bounce = vec3<f32>(0.26, 0.25, 0.24);
    let ambient = mix(bounce, sky, normal.z * 0.5 + 0.5);
    let sun = normalize(vec3<f32>(-0.38, -0.62, 0.68));
    let key = max(dot(normal, sun), 0.0) * vec3<f32>(1.12, 1.05, 0.95);
    // Darker towards the ground, where less of the sky is seen.
    let open = mix(0.62, 1.0, smoothstep(0.0, 9.0, height + normal.z * 9.0));
    let rim = pow(1.0 - abs(dot(normal, view)), 4.0) * 0.05;
    return albedo * (ambient * open + key) + rim * sky * 0.35;
}

fn shade(in: Surface, front: bool) -> vec3<f32> {
    var normal = normalize(in.normal);
    normal = select(-normal, normal, front);
    let distance = length(in.relative);
    let view = -in.relative / distance;
    let height = in.relative.z + frame.eye_high.z + frame.eye_low.z - frame.picture.w;
    var flat_on_ground = 0.0;
    if part.slot.y == GROUND {
        flat_on_ground = smoothstep(0.75, 0.95, normal.z) * (1.0 - smoothstep(0.5, 1.5, height));
    }
    var albedo = calmed(in.color.rgb, flat_on_ground, in.bits.x);
    let pattern = patterned(in.bits.y, in.clip.xy);
    var paint = in.paint.rgb;
    if in.bits.y != 0u {
        paint = mix(paint * 0.45, paint, pattern);
        if in.paint.a == 0.0 {
            albedo = mix(albedo * 0.45, albedo, pattern);
        }
    }
    albedo = mix(albedo, paint * 0.80, in.paint.a * 0.92);
    if (in.bits.x & SELECTED) != 0u {
        // Data keeps its colour; the outline says the rest.
        albedo = mix(albedo, ACCENT, 0.45 * (1.0 - in.paint.a));
    }
    var color = lit(albedo, normal, view, height);
    // Data keeps its hue in the shade.
    color = mix(color, paint * 0.62, in.paint.a * 0.45);
    if (in.bits.x & HOVERED) != 0u {
        color = color * 1.25 + 0.02;
    }
    if part.slot.y == GROUND {
        // Where data is shown, the ground is only where it stands.
        color = mix(color, vec3<f32>(luminance(color)) * 0.8, frame.look.z * 0.6 * (1.0 - in.paint.a));
        color = mix(color, PLAIN, border(in.relative.xy) * (1.0 - in.paint.a));
    } else {
        color = mix(color, PLAIN * 1.6, border(in.relative.xy) * 0.6 * (1.0 - in.paint.a));
    }
    return fogged(color, distance);
}

fn is_ghost(in: Surface) -> bool {
    return frame.look.z > 0.5 && part.slot.y != GROUND && in.paint.a == 0.0
        && (in.bits.x & SELECTED) == 0u;
}

@fragment
fn surface_fragment(in: Surface, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    if is_ghost(in) {
        // A screen door: no sorting, and what is inside is seen whole.
        let p = vec2<u32>(in.clip.xy);
        if (p.x + p.y * 3u) % 5u != 0u {
            discard;
        }
        return vec4<f32>(to_srgb(shade(in, front) * 0.75 + 0.02), 1.0);
    }
    return vec4<f32>(to_srgb(shade(in, front)), 1.0);
}

@fragment
fn glass_fragment(in: Surface, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    var normal = normalize(in.normal);
    normal = select(-normal, normal, front);
    let view = -normalize(in.relative);
    let grazing = pow(1.0 - abs(dot(normal, view)), 3.0);
    var color = shade(in, front);
    var alpha = mix(0.42, 0.78, grazing);
    if part.slot.y == SPACE {
        // One layer of each space, whatever the order of its faces.
        if !front {
            discard;
        }
        color = in.paint.rgb * mix(0.55, 0.85, normal.z * 0.5 + 0.5);
        if (in.bits.x & SELECTED) != 0u {
            color = mix(ACCENT, color, in.paint.a);
        }
        if (in.bits.x & HOVERED) != 0u {
            color = color * 1.25 + 0.02;
        }
        alpha = mix(0.34, 0.5, grazing) * select(0.6, 1.0, in.bits.y == 0u || patterned(in.bits.y, in.clip.xy) > 0.5);
    } else {
        let sky = mix(vec3<f32>(0.05, 0.06, 0.07), vec3<f32>(0.16, 0.19, 0.22), clamp(reflect(-view, normal).z * 1.4, 0.0, 1.0));
        color = mix(color * 0.7, sky, 0.35 + 0.4 * grazing);
        color = fogged(color, length(in.relative));
        if is_ghost(in) {
            alpha = 0.06;
        }
        alpha = mix(alpha, 0.9, in.paint.a);
    }
    return vec4<f32>(to_srgb(color), alpha);
}

// ---------------------------------------------------------------- edges

struct Line {
    @builtin(position) clip: vec4<f32>,
    @location(0) color: vec4<f32>,
}

@vertex
fn edge_vertex(
    @location(0) position: vec4<f32>,
    @location(3) feature: vec2<u32>,
    @location(4) translation: vec3<f32>,
    @location(5) rotation: vec4<f32>,
) -> Line {
    let look = look_of(feature.x);
    let at = relative(turned(position.xyz, rotation) + translation);
    var out: Line;
    out.clip = frame.clip_from_relative * vec4<f32>(at, 1.0);
    // Towards the eye by a hair, so that a line wins over its own surfaces.
    out.clip.z += out.clip.w * 0.00004 + frame.look.w * 0.0006;
    // Drawn again a pixel aside, a line is twice as wide.
    out.clip.x += f32(part.slot.z) * 1.6 / frame.picture.x * out.clip.w;
    out.clip.y += f32(part.slot.z) * 1.6 / frame.picture.y * out.clip.w;
    let unpainted = look.mix == 0.0 && (look.flags & SELECTED) == 0u;
    if (look.flags & HIDDEN) != 0u || (part.slot.y == SPACE_EDGE && unpainted) {
        out.clip = vec4<f32>(2.0, 2.0, 2.0, 1.0);
    }
    let distance = length(at);
    // Fades where lines would crowd: at some 600 pixels to the metre and less.
    let pixels_per_m = frame.picture.y / (2.0 * frame.up.w * distance) / frame.picture.z;
    var alpha = clamp((pixels_per_m - 1.2) / 14.0, 0.0, 1.0) * 0.5 + 0.0;
    var color = vec3<f32>(0.005, 0.006, 0.007);
    if frame.look.z > 0.5 {
        // On ghosts the lines are what carries the form.
        color = vec3<f32>(0.16, 0.18, 0.21);
        alpha = alpha * 0.55 + 0.03;
    }
    if part.slot.y == SPACE_EDGE {
        color = mix(look.color, vec3<f32>(1.0), 0.35);
        alpha = max(alpha, 0.35);
    }
    if (look.flags & HOVERED) != 0u {
        color = vec3<f32>(0.75, 0.80, 0.86);
        alpha = 0.8;
    }
    out.color = vec4<f32>(to_srgb(fogged(color, distance)), alpha);
    return out;
}

@fragment
fn edge_fragment(in: Line) -> @location(0) vec4<f32> {
    return in.color;
}

// ---------------------------------------------------------------- emphasis

// A line of the selected entity, as two triangles some pixels wide, on top of all.
@vertex
fn outline_vertex(
    @location(0) a: vec4<f32>,
    @location(1) b: vec4<f32>,
) -> Line {
    // a.w: -1 or 1 to the side; b.w: 0 at a, 1 at b.
    var clip_a = frame.clip_from_relative * vec4<f32>(relative(a.xyz), 1.0);
    var clip_b = frame.clip_from_relative * vec4<f32>(relative(b.xyz), 1.0);
    // Cut at the eye: what is behind has no direction on the screen.
    let least = 0.02;
    if clip_a.w < least && clip_b.w >= least {
        clip_a = mix(clip_b, clip_a, (clip_b.w - least) / (clip_b.w - clip_a.w));
    }
    if clip_b.w < least && clip_a.w >= least {
        clip_b = mix(clip_a, clip_b, (clip_a.w - least) / (clip_a.w - clip_b.w));
    }
    let half_picture = frame.picture.xy * 0.5;
    let along = (clip_b.xy / clip_b.w - clip_a.xy / clip_a.w) * half_picture;
    let direction = along / max(length(along), 0.0001);
    let side = vec2<f32>(-direction.y, direction.x) * a.w;
    let width = f32(part.slot.z) / 16.0 * frame.picture.z;
    var clip = clip_a;
    if b.w > 0.5 {
        clip = clip_b;
    }
    let outward = (b.w * 2.0 - 1.0) * direction * 0.5;
    clip = vec4<f32>(clip.xy + (side + outward) * width * 0.5 / half_picture * clip.w, clip.zw);
    if clip_a.w < least && clip_b.w < least {
        clip = vec4<f32>(2.0, 2.0, 2.0, 1.0);
    }
    var out: Line;
    out.clip = clip;
    out.color = vec4<f32>(to_srgb(vec3<f32>(0.35, 0.72, 1.0)), f32(part.slot.w) / 255.0);
    return out;
}

// ---------------------------------------------------------------- background

struct Backdrop {
    @builtin(position) clip: vec4<f32>,
    @location(0) ndc: vec2<f32>,
}

@vertex
fn backdrop_vertex(@builtin(vertex_index) index: u32) -> Backdrop {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u)) * 2.0 - 1.0;
    return Backdrop(vec4<f32>(corner, 0.0, 1.0), corner);
}

@fragment
fn backdrop_fragment(in: Backdrop) -> @location(0) vec4<f32> {
    let ray = normalize(frame.forward.xyz + frame.right.xyz * in.ndc.x * frame.right.w
        + frame.up.xyz * in.ndc.y * frame.up.w);
    var color = mix(HORIZON, ZENITH, pow(clamp(ray.z * 1.6, 0.0, 1.0), 0.7));
    if ray.z < 0.0 {
        let height = frame.eye_high.z + frame.eye_low.z - frame.picture.w;
        color = fogged(PLAIN, max(height, 1.0) / max(-ray.z, 0.0001));
    }
    // Half a step of noise: a gradient this dark would show bands on a large display.
    let noise = (checker_hash(in.clip.xy) - 0.5) / 255.0;
    return vec4<f32>(to_srgb(color) + noise, 1.0);
}
