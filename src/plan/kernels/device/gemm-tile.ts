// How a matrix product is cut into blocks of the device.

/** GemmTile of runtime/cuda/include/cortado_cuda/conv_shape.h. */
export interface GemmTile {
  readonly rows: number;
  readonly cols: number;
  readonly kBytes: number;
  readonly stages: number;
  readonly warpsM: number;
  readonly warpsN: number;
  readonly splits: number;
}

export interface ProductSize {
  /** Rows of the product: output pixels of all images. */
  readonly pixels: number;
  /** Columns: output channels of one group. */
  readonly channels: number;
  /** Products in each sum. */
  readonly sums: number;
  /** Products of this size: groups, phases. */
  readonly repeats: number;
  readonly multiprocessors: number;
}

export function chooseGemmTile(_size: ProductSize): GemmTile {
  return { rows: 64, cols: 64, kBytes: 64, stages: 3, warpsM: 2, warpsN: 2, splits: 1 };
}
