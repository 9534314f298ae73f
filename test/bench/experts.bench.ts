/** Decoding with 8 of 64 routed experts: those of OLMoE, and half as wide ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from './support/bench';
import { expertsAgainstDense } from './support/experts-against-dense';

const bench: Bench = {
  name: 'experts',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-bench-experts-'));
    try {
      const narrow = { layers: 2, hidden: 1024, units: 512, dtype: 'F32' } as const;
      await expertsAgainstDense(report, root, narrow, 'two layers of width 1,024, experts of 512 units, float32');
      const olmoe = { layers: 1, hidden: 2048, units: 1024, dtype: 'F32' } as const;
      await expertsAgainstDense(report, root, olmoe, 'a layer of width 2,048, experts of 1,024 units, float32');
    } finally {
      rmSync(root, { recursive: true });
    }
  },
};
export default bench;
