// CheckRegions: what RoIAlign and RoIPool refuse, told by the host where a device computes them: a device's kernels cannot fail.

import { getNumber } from '../../ir/tensor.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';

export const checkRegions = defineOp({
  name: 'CheckRegions',
  doc: 'the regions, each of which names one of the images',
  source: 'made by the compiler',
  inputs: [
    { name: 'rois', doc: 'f32 [r,5]: image, x1, y1, x2, y2' },
    { name: 'x', doc: 'the images [n, ...]; only their number counts' },
  ],
  outputs: [{ name: 'y', doc: 'the regions' }],
  attrs: {},
  infer: (request) => {
    const rois = checkDType(request, 0, 'the regions');
    checkRank(request, 0, 'the regions', 2);
    if (rois.shape[1] !== 5)
      request.fail('expected regions that name their image', { input: 0, expected: 'f32 [r,5]' });
    return [rois];
  },
  reference: (request) => {
    const rois = request.tensor(0);
    const [count = 0, columns = 5] = rois.dims;
    const [images = 0] = request.tensor(1).dims;
    for (let i = 0; i < count; i++) {
      const image = Math.trunc(getNumber(rois, i * columns));
      if (!(image >= 0 && image < images)) request.fault(`roi ${i} names image ${image} of ${images}`);
    }
    return [rois];
  },
  lower: (request) => ({
    header: 'cortado/roi.h',
    fn: 'check_regions',
    template: [],
    args: [
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
      inputArg(0),
      outputArg(),
    ],
    parts: 1,
    fallible: true,
    inPlace: [{ input: 0, output: 0 }],
  }),
  examples: [
    {
      inputs: [
        { dims: [3, 5], values: [0, 1, 2, 20, 24, 1, 5, 5, 30, 12, 0, 0, 0, 35, 31] },
        { dims: [2, 1, 1, 1], range: [0, 1] },
      ],
    },
  ],
});
