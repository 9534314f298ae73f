import assert from 'node:assert/strict';
import type { SettingKey } from '../../../protocol/contributions/settings';
import { parseSetting, settings } from '../../../protocol/contributions/settings';

const hostile: readonly unknown[] = [
  undefined,
  null,
  NaN,
  -1,
  1e99,
  'x'.repeat(10),
  '',
  [],
  [null],
  {},
  { a: {} },
  () => 1,
  Symbol.iterator,
  true,
];

describe('settings', () => {
  it('give a valid value whatever was typed', () => {
    for (const key of Object.keys(settings) as SettingKey[]) {
      for (const value of hostile) {
        const parsed = parseSetting(key, value) as unknown;
        assert.deepEqual(parseSetting(key, parsed), parsed, `${key} is stable under parsing`);
      }
      assert.deepEqual(parseSetting(key, undefined), settings[key].default);
    }
  });

  it('keep what is valid', () => {
    assert.equal(parseSetting('headscope.compute.threads', 8), 8);
    assert.equal(parseSetting('headscope.compute.threads', 2.5), 0);
    assert.equal(parseSetting('headscope.compute.memoryLimit', 2.5), 2.5);
    assert.equal(parseSetting('headscope.benchmark.pattern', 'noncausal-cross'), 'noncausal-cross');
    assert.equal(parseSetting('headscope.benchmark.pattern', 'toString'), 'causal-self');
    assert.equal(parseSetting('headscope.compute.device', ' webgpu '), 'webgpu');
    assert.equal(parseSetting('headscope.compute.device', 8), 'cpu');
    assert.equal(parseSetting('headscope.compute.deviceMemory', 8), '8');
    assert.equal(parseSetting('headscope.compute.deviceMemory', 'webgpu=6GB,cpu=20GB'), 'webgpu=6GB,cpu=20GB');
  });

  it('keep the valid items of a list, sorted and once', () => {
    assert.deepEqual(parseSetting('headscope.benchmark.lengths', [2048, 'x', 512, 512, -3, 1.5]), [512, 2048]);
    assert.deepEqual(
      parseSetting('headscope.benchmark.lengths', ['x']),
      settings['headscope.benchmark.lengths'].default,
    );
    assert.deepEqual(parseSetting('headscope.models.folders', ['~/models', 3, ' ', '~/models']), ['~/models']);
  });

  it('keep the valid entries of a table', () => {
    assert.deepEqual(parseSetting('headscope.diagnostics.severity', { a: 'off', b: 'loud', c: 1, d: 'hint' }), {
      a: 'off',
      d: 'hint',
    });
  });
});
