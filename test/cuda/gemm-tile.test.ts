// The choice of tiles: whatever is chosen may be compiled and launched and is tested as a kernel; small batches keep the multiprocessors busy.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import {
  chooseGemmTile,
  estimateTiles,
  type GemmMath,
  type GemmTile,
  gemmTileSpace,
  gridTiles,
  type ProductSize,
} from '../../src/plan/kernels/device/gemm-tile.js';

const kMaths: readonly GemmMath[] = ['HalfMath', 'Tf32Math', 'FloatMath'];
const kSm90 = { architecture: 90, multiprocessors: 132, sharedBytes: 227 * 1024 };
const kSm90a = { ...kSm90, wgmma: true };

/** [pixels of an image, channels, sums] of ResNet-50's convolutions after the first. */
const kResNet: readonly (readonly [number, number, number])[] = [
  [3136, 64, 64],
  [3136, 64, 576],
  [3136, 256, 64],
  [784, 128, 1152],
  [784, 512, 128],
  [196, 256, 2304],
  [196, 1024, 256],
  [49, 512, 4608],
  [49, 2048, 512],
];

function productSize(batch: number, [pixels, channels, sums]: readonly [number, number, number]): ProductSize {
  return { pixels: batch * pixels, channels, sums, repeats: 1, math: 'HalfMath', device: kSm90 };
}

/** What conv2d_gemm.h and tile_math.h assert. */
function fits(tile: GemmTile, math: GemmMath): boolean {
  const chunks = tile.kBytes / 16;
  const step = (tile.warpsM * tile.warpsN * 32) / chunks;
  const isGroups = tile.warpgroups === 1;
  const [unitRows, unitCols] = math === 'FloatMath' ? [4, 8] : isGroups ? [16, 64] : [16, 16];
  const columns = tile.cols / tile.warpsN;
  return (
    (!isGroups ||
      (tile.kBytes === 128 && tile.stages >= 3 && tile.warpsM % 4 === 0 && [64, 128, 256].includes(columns))) &&
    (tile.kBytes === 64 || tile.kBytes === 128) &&
    tile.stages >= 2 &&
    tile.rows % step === 0 &&
    tile.cols % step === 0 &&
    tile.rows % (tile.warpsM * unitRows) === 0 &&
    tile.cols % (tile.warpsN * unitCols) === 0 &&
    tile.stages * (tile.rows + tile.cols) * tile.kBytes <= kSm90.sharedBytes
  );
}

describe('tiles of matrix products on a device', () => {
  it('all fit the kernel and the device', () => {
    for (const math of kMaths) {
      for (const { tile, cycles } of estimateTiles({ ...productSize(1, [196, 256, 2304]), math, device: kSm90a })) {
        assert.ok(fits(tile, math), `${math} ${JSON.stringify(tile)}`);
        assert.ok(cycles > 0);
      }
    }
  });

  it('are the ones that the kernel tests run', async () => {
    const read = (name: string): Promise<string> => readFile(`runtime/cuda/test/${name}.cu`, 'utf8');
    const sources = [await read('conv_gemm_test'), await read('conv_wgmma_test')];
    for (const math of kMaths) {
      for (const { tile } of estimateTiles({ ...productSize(1, [196, 256, 2304]), math, device: kSm90a })) {
        const fields = [tile.rows, tile.cols, tile.kBytes, tile.stages, tile.warpsM, tile.warpsN].join(', ');
        const line = new RegExp(`kPlanned\\d+\\{${fields}, \\d+${tile.warpgroups === 1 ? ', 1' : ''}\\}`);
        assert.match(sources[tile.warpgroups ?? 0] ?? '', line, `${math} {${fields}} is not tested`);
      }
    }
  });

  it('keep most multiprocessors busy with one image', () => {
    for (const layer of kResNet) {
      const size = productSize(1, layer);
      const tile = chooseGemmTile(size);
      assert.ok(gridTiles(size, tile) * tile.splits >= 90, `${layer.join(' x ')}: ${JSON.stringify(tile)}`);
    }
  });

  it('are large and whole with many images', () => {
    for (const layer of kResNet.filter(([, channels]) => channels >= 128)) {
      const tile = chooseGemmTile(productSize(256, layer));
      assert.ok(tile.rows === 128 && tile.cols >= 64, `${layer.join(' x ')}: ${JSON.stringify(tile)}`);
    }
  });

  it('are of warpgroups with many images where the device has them, and of warps with one', () => {
    const deep: readonly [number, number, number] = [196, 256, 2304];
    for (const math of ['HalfMath', 'Tf32Math'] as const) {
      const sizes = [256, 1].map((batch): ProductSize => ({ ...productSize(batch, deep), math, device: kSm90a }));
      assert.deepEqual(
        sizes.map((size) => chooseGemmTile(size).warpgroups),
        [1, 0],
      );
    }
    const exact = estimateTiles({ ...productSize(256, deep), math: 'FloatMath', device: kSm90a });
    assert.ok(
      exact.every(({ tile }) => tile.warpgroups === 0),
      'wgmma has no fp32',
    );
    const older = estimateTiles(productSize(256, deep));
    assert.ok(
      older.every(({ tile }) => !('warpgroups' in tile)),
      'records of other devices stay as they are',
    );
  });

  it('tuning may try both kinds', () => {
    const { axes } = gemmTileSpace({ ...productSize(8, [784, 128, 1152]), device: kSm90a });
    const kinds = new Set(axes[0]?.map(({ warpgroups }) => warpgroups));
    assert.deepEqual([...kinds].sort(), [0, 1]);
  });

  it('know the shared memory and the rates of the device', () => {
    const layer = [784, 512, 128] as const;
    const small = { architecture: 80, multiprocessors: 132, sharedBytes: 99 * 1024 };
    const cyclesOn = (device: ProductSize['device']): number =>
      Math.min(...estimateTiles({ ...productSize(256, layer), device }).map(({ cycles }) => cycles));
    const [older, large] = [cyclesOn(small), cyclesOn({ ...small, sharedBytes: kSm90.sharedBytes })];
    assert.ok(large < older, 'more blocks at once');
    assert.ok(cyclesOn(kSm90) < large, 'more products per cycle');
  });

  it('split no sum into more parts than it has steps', () => {
    const tile = chooseGemmTile({
      pixels: 1,
      channels: 8,
      sums: 8,
      repeats: 1,
      math: 'HalfMath',
      device: kSm90,
    });
    assert.equal(tile.splits, 1);
  });
});
