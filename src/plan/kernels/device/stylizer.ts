// The two ends of style-transfer nets on the device: bytes of a camera to an image, and back.

import { dimMul, shapeSize } from '../../../ir/dim.js';
import type { Node } from '../../../ir/graph.js';
import { extentArg, inputArg, outputArg, structArg } from '../../../ops/kernel-arguments.js';
import type { KernelCall } from '../../../ops/kernel-call.js';
import { inputType, isStaticImage, type Kernel, outputType } from '../kernel.js';
import { storedChannels, writtenFields } from './image.js';

const kHeader = 'cortado_cuda/stylizer.h';

export const kStylizerKernels: readonly Kernel[] = [
  {
    name: 'stylizer_preprocess_image',
    op: 'StylizerPreprocess',
    form: ({ node }) =>
      isStaticImage(outputType(node)) ? { blockedInputs: [], blockedOutput: true, demand: false } : undefined,
    lower: ({ node }) => lowerPreprocess(node),
  },
  {
    name: 'stylizer_deprocess_image',
    op: 'StylizerDeprocess',
    form: ({ node }) =>
      isStaticImage(inputType(node, 0)) ? { blockedInputs: [0], blockedOutput: false, demand: false } : undefined,
    lower: ({ node }) => lowerDeprocess(node),
  },
];

function lowerPreprocess(node: Node): KernelCall {
  const [n = 1, h = 1, w = 1] = inputType(node, 0).shape;
  const noise = node.inputs[2];
  const rows = structArg('ImageRows', [
    ['pixels', dimMul(h, w)],
    ['channels', 3],
    ['x_stored', 4],
    ...writtenFields(outputType(node)),
  ]);
  return {
    header: kHeader,
    fn: 'stylizer_preprocess_image',
    template: [],
    args: [
      extentArg(n),
      rows,
      extentArg(noise?.type.shape[0] ?? 0),
      inputArg(0),
      inputArg(1),
      inputArg(2),
      outputArg(),
    ],
    parts: 1,
  };
}

function lowerDeprocess(node: Node): KernelCall {
  const image = inputType(node, 0);
  const [n = 1, , ...spatial] = image.shape;
  return {
    header: kHeader,
    fn: 'stylizer_deprocess_image',
    template: [],
    args: [
      extentArg(dimMul(n, shapeSize(spatial))),
      extentArg(storedChannels(image)),
      inputArg(0),
      inputArg(1),
      outputArg(),
    ],
    parts: 1,
  };
}
