/** The Merkle tree of RFC 9162, section 2.1. Sizes are plain numbers up to 2^53 - 1, so nothing here shifts bits. */
import { sha256 } from "@noble/hashes/sha2.js";
import { same } from "./text";

/** More hashes no honest proof has. */
export const MAX_PROOF = 64;

const half = (size: number) => Math.floor(size / 2);
const odd = (size: number) => size % 2 === 1;

export const EMPTY = sha256(new Uint8Array());

const pair = new Uint8Array(65);
pair[0] = 1;

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1);
  pair.set(right, 33);
  return sha256(pair);
}

/** How many bits of the number are set: so many full subtrees a log of this size has. */
export function ones(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = half(rest)) count += rest % 2;
  return count;
}

/** The roots of the full subtrees of a log, largest first: all that is kept of it. */
export class Frontier {
  constructor(
    public size = 0,
    private readonly hashes: Uint8Array[] = [],
  ) {}

  push(leaf: Uint8Array): void {
    this.size += 1;
    let root = leaf;
    for (let size = this.size; !odd(size); size = half(size)) {
      root = nodeHash(this.hashes.pop() ?? EMPTY, root);
    }
    this.hashes.push(root);
  }

  root(): Uint8Array {
    return this.hashes.length === 0 ? EMPTY : this.hashes.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** Walks a proof upwards: `left` for a sibling that stands before, `right` for one behind. False: of another length. */
function climb(
  index: number,
  last: number,
  proof: readonly Uint8Array[],
  left: (sibling: Uint8Array) => void,
  right: (sibling: Uint8Array) => void,
): boolean {
  let at = index;
  let edge = last;
  for (const sibling of proof) {
    if (edge === 0) return false;
    if (odd(at) || at === edge) {
      left(sibling);
      // On the right edge: up to where the edge has a left neighbour again.
      while (!odd(at) && at !== 0) {
        at = half(at);
        edge = half(edge);
      }
    } else {
      right(sibling);
    }
    at = half(at);
    edge = half(edge);
  }
  return edge === 0;
}

/** Is the leaf at this index in the log of this size and root (2.1.3.2)? */
export function included(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (index >= size || proof.length > MAX_PROOF) return false;
  let found = leaf;
  const whole = climb(
    index,
    size - 1,
    proof,
    (sibling) => (found = nodeHash(sibling, found)),
    (sibling) => (found = nodeHash(found, sibling)),
  );
  return whole && same(found, root);
}

interface State {
  size: number;
  root: Uint8Array;
}

/** Does the newer log begin with the older one (2.1.4.2)? */
export function consistent(older: State, newer: State, proof: readonly Uint8Array[]): boolean {
  if (older.size > newer.size || proof.length > MAX_PROOF) return false;
  if (older.size === 0) {
    return proof.length === 0 && same(older.root, EMPTY) && (newer.size > 0 || same(newer.root, EMPTY));
  }
  if (older.size === newer.size) return proof.length === 0 && same(older.root, newer.root);
  // A log whose size is a power of two is a subtree of the newer one: its root begins the proof, and goes without saying.
  const [first, ...rest] = ones(older.size) === 1 ? [older.root, ...proof] : proof;
  if (!first) return false;
  let at = older.size - 1;
  let last = newer.size - 1;
  while (odd(at)) {
    at = half(at);
    last = half(last);
  }
  let ofOlder = first;
  let ofNewer = first;
  const whole = climb(
    at,
    last,
    rest,
    (sibling) => {
      ofOlder = nodeHash(sibling, ofOlder);
      ofNewer = nodeHash(sibling, ofNewer);
    },
    (sibling) => (ofNewer = nodeHash(ofNewer, sibling)),
  );
  return whole && same(ofOlder, older.root) && same(ofNewer, newer.root);
}
