// The two chunks of a GLB, and typed access to what they hold.

const SIZES = { SCALAR: 1, VEC3: 3, VEC4: 4 };

export class Glb {
  constructor(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const jsonLength = view.getUint32(12, true);
    this.json = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + jsonLength)));
    this.bin = bytes.subarray(28 + jsonLength);
    this.data = new DataView(this.bin.buffer, this.bin.byteOffset, this.bin.byteLength);
  }

  /** The bytes of a buffer view. */
  view(index) {
    const { byteOffset = 0, byteLength } = this.json.bufferViews[index];
    return this.bin.subarray(byteOffset, byteOffset + byteLength);
  }

  /** The stored numbers of an accessor, one array an item. */
  *items(index) {
    const accessor = this.json.accessors[index];
    const { byteOffset = 0, byteStride } = this.json.bufferViews[accessor.bufferView];
    const [size, read] = {
      5120: [1, (at) => this.data.getInt8(at)],
      5121: [1, (at) => this.data.getUint8(at)],
      5123: [2, (at) => this.data.getUint16(at, true)],
      5125: [4, (at) => this.data.getUint32(at, true)],
      5126: [4, (at) => this.data.getFloat32(at, true)],
    }[accessor.componentType];
    const width = SIZES[accessor.type];
    const stride = byteStride ?? size * width;
    for (let n = 0; n < accessor.count; n += 1) {
      const start = byteOffset + (accessor.byteOffset ?? 0) + n * stride;
      yield Array.from({ length: width }, (_, i) => read(start + i * size));
    }
  }
}
