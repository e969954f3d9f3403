// Storage: which values share bytes. Values start as storages of their own; views (reshape, slices, pieces of a concat),
// in-place results and branch results are merged by saying that one value lies inside another at a fixed offset.
// Chains of such facts end in a root, which alone gets memory.

import { fail } from '../errors.js';
import type { Value } from '../ir/graph.js';
import { maxSizeBytes } from '../ir/type.js';

/** A value lies inside `root` from offsetBytes on. */
export interface Location {
  readonly root: Value;
  readonly offsetBytes: number;
}

export class Storage {
  private readonly parents = new Map<Value, Location>();

  /** Root and offset of a value. Long chains are shortened on the way, so that deep nets stay cheap. */
  locate(value: Value): Location {
    const path: Value[] = [];
    let root = value;
    for (let parent = this.parents.get(root); parent !== undefined; parent = this.parents.get(root)) {
      path.push(root);
      root = parent.root;
    }
    let offsetBytes = 0;
    for (const inner of path.reverse()) {
      offsetBytes += this.parents.get(inner)?.offsetBytes ?? 0;
      this.parents.set(inner, { root, offsetBytes });
    }
    return { root, offsetBytes };
  }

  rootOf(value: Value): Value {
    return this.locate(value).root;
  }

  /** True when the value is all of its storage, from the first byte to the last. */
  fills(value: Value): boolean {
    const { root, offsetBytes } = this.locate(value);
    return offsetBytes === 0 && maxSizeBytes(root.type) === maxSizeBytes(value.type);
  }

  /** From now on `root` (a root) lies inside `owner` at an offset. */
  embed(root: Value, owner: Value, offsetBytes: number): void {
    if (this.parents.has(root) || this.rootOf(owner) === root)
      fail('internal', `storage of ${root.name} is already embedded`);
    this.parents.set(root, { root: owner, offsetBytes });
  }
}
