/** Decoding of a model with 3.1 billion parameters in 64 experts a layer, 8 of which a token has: 6.5 GB in bfloat16, twice that when open. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from './support/bench';
import { expertsAgainstDense } from './support/experts-against-dense';

const bench: Bench = {
  name: 'three-billion-experts',
  onRequest: true,
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-bench-three-billion-experts-'));
    try {
      const shape = { layers: 31, hidden: 1024, units: 512, dtype: 'BF16' } as const;
      await expertsAgainstDense(
        report,
        root,
        shape,
        '31 layers of width 1,024, experts of 512 units, bfloat16 on disk',
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  },
};
export default bench;
