// What an image without an operating system takes of the memory, as rows of a table.

import type { ImageSizes } from '../build/bare-image.js';
import { formatBytes } from '../format.js';
import type { ArenaPart } from '../plan/arena-regions.js';

/** Flash, RAM, and the arena's parts where it has several. */
export function imageRows(arena: readonly ArenaPart[], image: ImageSizes): readonly (readonly string[])[] {
  const { codeBytes, weightBytes, flashBytes, dataBytes, stackBytes, arenaBytes, ioBytes } = image;
  const ramBytes = dataBytes + stackBytes + arenaBytes + ioBytes;
  return [
    ['flash', `${flashBytes} bytes (${formatBytes(flashBytes)}): code ${codeBytes}, weights ${weightBytes}`],
    [
      'RAM',
      `${ramBytes} bytes (${formatBytes(ramBytes)}): arena ${arenaBytes}, variables ${dataBytes}, stack ${stackBytes} (its bound), inputs ${ioBytes}`,
    ],
    ...(arena.length < 2 ? [] : [['regions', arena.map((part) => `${part.region} ${part.sizeBytes}`).join(', ')]]),
  ];
}
