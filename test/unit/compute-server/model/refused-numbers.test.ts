/** Numbers of a config that no model can have are refused with what is wrong, not blamed on the weights. */
import assert from 'node:assert/strict';
import { FailureError } from '../../../../protocol/wire/failures';
import { openTiny } from '../../../support/checkpoints/open-tiny';
import { tinyModel } from '../../../support/checkpoints/tiny-models';

describe('numbers of a config that are refused', () => {
  for (const [family, fields, sentence] of [
    ['llama', { rope_theta: 0 }, /^rope_theta should be a number above 0, and is 0\. Correct the config\./],
    ['llama', { rope_theta: -10000 }, /^rope_theta should be a number above 0, and is -10000\./],
    ['llama', { rope_parameters: { rope_theta: 0 } }, /^rope_theta should be a number above 0, and is 0\./],
    ['llama', { rms_norm_eps: -1e-6 }, /^rms_norm_eps should be a number of at least 0, and is -0\.000001\./],
    ['gpt2', { layer_norm_epsilon: -1 }, /^layer_norm_epsilon should be a number of at least 0, and is -1\./],
    [
      'llama',
      { rms_norm_eps: 1e308 },
      /^rms_norm_eps is 1e\+308, and float32 holds at most 3\.4e38\. Correct the config\./,
    ],
    ['gpt2', { layer_norm_epsilon: 3.5e38 }, /^layer_norm_epsilon is 3\.5e\+38, and float32 holds at most/],
    ['llama', { rope_theta: 1e39 }, /^rope_theta is 1e\+39, and float32 holds at most/],
    ['llama', { rope_scaling: 'yarn' }, /^rope_scaling should be an object, and is the string "yarn"\./],
    ...[0, -2].map(
      (factor) =>
        [
          'llama',
          { rope_scaling: { rope_type: 'linear', factor } },
          new RegExp(
            `^factor is ${factor}; it stretches the positions and must be a number of at least 1\\. Correct rope_`,
          ),
        ] as const,
    ),
    ['llama', { rope_scaling: { type: 'dynamic', factor: -2 } }, /^factor is -2; it stretches the positions/],
    ['llama', { rope_scaling: { type: 'yarn', factor: 0 } }, /^factor is 0; it stretches the positions/],
    ['llama', { rope_scaling: { type: 'spiral', factor: 2 } }, /^Rotary embedding of the form "spiral" is not known\./],
    [
      'llama',
      { rope_scaling: { type: 'longrope', factor: 2, short_factor: [0, 1, 1, 1], long_factor: [1, 1, 1, 1] } },
      /no finite frequencies/,
    ],
    [
      'phi3',
      { partial_rotary_factor: 2 },
      /^The config rotates 16 dimensions of a head, and a head has 8\. Correct partial/,
    ],
    ['mistral, window 7', { sliding_window: 0 }, /^sliding_window should be a whole number from 1, and is 0\./],
    ['mistral, window 7', { sliding_window: -1 }, /^sliding_window should be a whole number from 1, and is -1\./],
    ['gemma2', { attn_logit_softcapping: 0 }, /^attn_logit_softcapping should be a number above 0, and is 0\./],
    ['gemma2', { query_pre_attn_scalar: -4 }, /^query_pre_attn_scalar should be a number above 0, and is -4\./],
  ] as const) {
    it(`${family}: ${JSON.stringify(fields)}`, async () => {
      const tiny = tinyModel(family);
      await assert.rejects(openTiny({ ...tiny, config: { ...tiny.config, ...fields } }), (error) => {
        assert.ok(error instanceof FailureError && error.failure.code === 'model-unusable', String(error));
        assert.match(error.failure.detail, sentence);
        return true;
      });
    });
  }

  it('absent and null values stand for the defaults of the family', async () => {
    const tiny = tinyModel('mistral, window 7');
    const config = { ...tiny.config, sliding_window: null, rope_scaling: null, rms_norm_eps: 0 };
    const opened = await openTiny({ ...tiny, config });
    assert.deepEqual(opened.model.summary.windows, [null, null]);
    await opened.close();
  });
});
