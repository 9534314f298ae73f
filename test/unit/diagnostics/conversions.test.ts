/** What analyses that convert have in common, and decoding in turns where a text fills the context. */
import assert from 'node:assert/strict';
import { analyses } from '../../../diagnostics/catalogue';
import { decodingSpeeds } from '../../../diagnostics/conversions/before-after';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { runnerOf } from '../../laws/models/jobs';

describe('conversions', () => {
  it('have a folder, which is empty unless one is given', () => {
    const converting = analyses.filter(({ converts }) => converts);
    assert.ok(converting.some(({ id }) => id === 'amp') && converting.some(({ id }) => id === 'moh'));
    for (const { id, parameters } of converting) {
      assert.deepEqual([parameters['folder']?.kind, parameters['folder']?.default], ['folder', ''], id);
    }
  });

  it('a text as long as the context leaves room for the tokens that are decoded', async () => {
    const tiny = await openTiny('llama');
    try {
      const runner = runnerOf(tiny.model);
      const { contextLength = 0 } = runner.facts.summary;
      const text = Array.from({ length: contextLength }, (_, at) => at % 50);
      const { before, after, speedup } = await decodingSpeeds(runner, runner, text);
      assert.ok(Number(before) > 0 && Number(after) > 0 && Number(speedup?.median) > 0);
    } finally {
      await tiny.close();
    }
  });
});
