import assert from 'node:assert/strict';
import { initialSampling, readSampling, samplingWords } from '../../../webviews/panels/workbench/sampling';

describe('how a continuation is written', () => {
  it('reads what was typed, and says what is wrong field by field', () => {
    assert.deepEqual(readSampling(initialSampling), {
      ok: true,
      sampling: { maxNewTokens: 40, temperature: 0, topP: 1, seed: 0 },
    });
    assert.deepEqual(readSampling({ maxNewTokens: ' 8 ', temperature: '1.25', topP: '.5', seed: '4294967295' }), {
      ok: true,
      sampling: { maxNewTokens: 8, temperature: 1.25, topP: 0.5, seed: 4294967295 },
    });
    const wrong = readSampling({ maxNewTokens: '0', temperature: '-1', topP: '0', seed: '1.5' });
    assert.ok(!wrong.ok);
    assert.deepEqual(Object.keys(wrong.problems), ['maxNewTokens', 'temperature', 'topP', 'seed']);
    for (const [field, text] of [
      ['maxNewTokens', '4097'],
      ['maxNewTokens', ''],
      ['temperature', '101'],
      ['temperature', 'e'],
      ['topP', '1.01'],
      ['seed', '4294967296'],
    ] as const) {
      const reading = readSampling({ ...initialSampling, [field]: text });
      assert.ok(!reading.ok && Object.keys(reading.problems).join() === field, `${field} ${text}`);
    }
  });

  it('is said in words: nothing is drawn at temperature 0', () => {
    const sampling = { maxNewTokens: 1200, temperature: 0, topP: 0.5, seed: 3 };
    assert.equal(samplingWords(sampling), 'the most likely token each time, at most 1,200 tokens');
    assert.equal(
      samplingWords({ ...sampling, temperature: 1.5 }),
      'drawn with temperature 1.50, top-p 0.500, seed 3, at most 1,200 tokens',
    );
    assert.equal(
      samplingWords({ ...sampling, temperature: 1.5, topP: 1 }),
      'drawn with temperature 1.50, seed 3, at most 1,200 tokens',
    );
  });
});
