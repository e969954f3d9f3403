// Packs convolution weights for the device's matrix products (runtime/cuda/KERNELS.md, section 1): one row of sums for each
// output channel, taps outermost, channels innermost, rows padded with zeros to whole 16-byte words. Caffe2's order in.

/** The numbers of a convolution that packing depends on; named as in Conv2dShape. */
export interface PackedShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly groups: number;
}

/** `[m][c/group][kh][kw]` → `[m][kh][kw][read]`, `read` ≥ c/group channels per tap, rows a multiple of `word` elements. */
export function packDeviceConv(weights: Float32Array, shape: PackedShape, read: number, word: number): Float32Array {
  const { outChannels, kernelH, kernelW } = shape;
  const perGroup = shape.inChannels / shape.groups;
  const taps = kernelH * kernelW;
  const pitch = Math.ceil((taps * read) / word) * word;
  const packed = new Float32Array(outChannels * pitch);
  for (let m = 0; m < outChannels; m++) {
    for (let c = 0; c < perGroup; c++) {
      const from = (m * perGroup + c) * taps;
      for (let tap = 0; tap < taps; tap++) packed[m * pitch + tap * read + c] = weights[from + tap] ?? 0;
    }
  }
  return packed;
}

/** `[c][1][kh][kw]` → `[kh][kw][c rounded up to 8]`. */
export function packDeviceDepthwise(
  weights: Float32Array,
  { outChannels, kernelH, kernelW }: PackedShape,
): Float32Array {
  const stored = Math.ceil(outChannels / 8) * 8;
  const taps = kernelH * kernelW;
  const packed = new Float32Array(taps * stored);
  for (let c = 0; c < outChannels; c++) {
    for (let tap = 0; tap < taps; tap++) packed[tap * stored + c] = weights[c * taps + tap] ?? 0;
  }
  return packed;
}

export interface TransposedShape extends PackedShape {
  readonly strideH: number;
  readonly strideW: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/**
 * `[c][m][kh][kw]` → one block for each phase of the output, rows before columns, with the taps that reach the phase in
 * descending order: `[m][taps of the phase][read]`. Stride 2, kernel 3, pad 1: phase 0 has tap 1, phase 1 taps 2 and 0.
 */
export function packDeviceTranspose(
  weights: Float32Array,
  shape: TransposedShape,
  read: number,
  word: number,
): Float32Array {
  const rows = phaseTaps(shape.kernelH, shape.strideH, shape.padTop);
  const cols = phaseTaps(shape.kernelW, shape.strideW, shape.padLeft);
  const blocks = rows.flatMap((tapsH) => cols.map((tapsW) => packPhase(weights, shape, tapsH, tapsW, read, word)));
  const packed = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    packed.set(block, at);
    at += block.length;
  }
  return packed;
}

/** By phase f: the taps k ≡ f + pad (mod stride), largest first. */
function phaseTaps(kernel: number, stride: number, pad: number): readonly (readonly number[])[] {
  return Array.from({ length: stride }, (_, phase) => {
    const taps = Array.from({ length: kernel }, (_unused, k) => k);
    return taps.filter((k) => k % stride === (phase + pad) % stride).reverse();
  });
}

function packPhase(
  weights: Float32Array,
  shape: TransposedShape,
  tapsH: readonly number[],
  tapsW: readonly number[],
  read: number,
  word: number,
): Float32Array {
  const { inChannels, outChannels, kernelH, kernelW } = shape;
  const pitch = Math.ceil((tapsH.length * tapsW.length * read) / word) * word;
  const packed = new Float32Array(outChannels * pitch);
  for (let m = 0; m < outChannels; m++) {
    tapsH.forEach((kh, h) => {
      tapsW.forEach((kw, w) => {
        const to = m * pitch + (h * tapsW.length + w) * read;
        for (let c = 0; c < inChannels; c++) {
          packed[to + c] = weights[((c * outChannels + m) * kernelH + kh) * kernelW + kw] ?? 0;
        }
      });
    });
  }
  return packed;
}
