/** Stamps: short texts for the content of files and folders, which are part of the key of every cell that reads them. */
import { createHash, type Hash } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Bytes that are read of each of these places of a file: its beginning, its end, and 14 places between them. */
const sampled = 4096;
const places = 16;
/** The most files of a folder, and levels of folders in it, that count. */
const mostFiles = 100_000;
const deepest = 4;

/** A sweep, and the folder of what it makes. */
const ofSweeps = /\.headscope-sweep(?:\.ya?ml)?$/u;

/** Stamps of the paths of one sweep. Each path is read once. */
export class Stamps {
  private readonly known = new Map<string, Promise<string | undefined>>();

  /** `base`: the folder that paths are relative to. */
  constructor(private readonly base: string) {}

  /** Undefined where nothing is there. */
  of(path: string): Promise<string | undefined> {
    const full = resolve(this.base, path);
    const known = this.known.get(full) ?? stampOf(full);
    this.known.set(full, known);
    return known;
  }
}

/**
 * The first 24 hexadecimal digits of a SHA-256 over names, sizes and samples of content (4 KiB at 16 places of each file): a copy has the
 * same, and an edit that keeps the length of a large file and touches none of these places is not seen.
 */
async function stampOf(path: string): Promise<string | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) return undefined;
  const hash = createHash('sha256');
  if (about.isDirectory()) {
    const files: [string, number][] = [];
    await list(path, '', deepest, files);
    for (const [name, size] of files) {
      hash.update(JSON.stringify([name, size]));
      await addFile(hash, join(path, name), size);
    }
  } else if (about.isFile()) {
    hash.update(JSON.stringify(['', about.size]));
    await addFile(hash, path, about.size);
  }
  return hash.digest('hex').slice(0, 24);
}

async function list(folder: string, below: string, levels: number, files: [string, number][]): Promise<void> {
  const names = (await readdir(join(folder, below)).catch(() => [])).sort();
  for (const name of names) {
    // Hidden files are those of version control and of programs that come and go. A sweep may lie in the folder of its model.
    if (name.startsWith('.') || ofSweeps.test(name) || files.length >= mostFiles) continue;
    const inner = below === '' ? name : `${below}/${name}`;
    const about = await stat(join(folder, inner)).catch(() => undefined);
    if (about?.isFile()) files.push([inner, about.size]);
    else if (about?.isDirectory() && levels > 0) await list(folder, inner, levels - 1, files);
  }
}

async function addFile(hash: Hash, path: string, size: number): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (handle === undefined) return;
  try {
    const whole = size <= sampled * places;
    const block = Buffer.alloc(whole ? size : sampled);
    const count = whole ? 1 : places;
    for (let at = 0; at < count; at++) {
      const from = whole ? 0 : Math.floor(((size - sampled) * at) / (count - 1));
      const { bytesRead } = await handle.read(block, 0, block.length, from);
      hash.update(block.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
