import assert from 'node:assert/strict';
import { Command } from 'commander';
import { publishedDevices } from '../../../models/formats/estimates/serving/devices';
import { addServingOptions, requireServing, type ServingOptions } from '../../../compute-server/cli/serving-options';

const parsed = (...words: readonly string[]): ServingOptions =>
  addServingOptions(new Command().exitOverride().configureOutput({ writeErr: () => undefined }))
    .parse([...words], { from: 'user' })
    .opts();

describe('options of inspect --serve', () => {
  it('are read with their units', () => {
    assert.deepEqual(
      parsed('--serve', '--weights-bits', '4', '--cache-bits', 'stored', '--link', '32.5', '--batch', '8'),
      {
        serve: true,
        weightsBits: 4,
        cacheBits: 'stored',
        link: 32.5,
        batch: 8,
      },
    );
  });

  it('refuse other numbers of bits', () => {
    assert.throws(() => parsed('--serve', '--weights-bits', '5'), /It takes stored, 32, 16, 8, 4\./);
    assert.throws(() => parsed('--serve', '--activation-bits', 'stored'), /32, 16, 8/);
  });

  for (const [what, words, sentence] of [
    ['without --serve', ['--batch', '2'], /--batch says how a model is served\. Add --serve\./],
    ['a batch that is measured', ['--serve', '--measure', '--batch', '2'], /Leave --batch out\./],
    ['bits that are measured', ['--serve', '--measure', '--weights-bits', '8'], /Leave --weights-bits out\./],
    [
      'another device that is measured',
      ['--serve', '--measure', '--device-profile', 't4'],
      /Leave --device-profile out\./,
    ],
  ] as const) {
    it(`refuse what makes no sense together: ${what}`, () => {
      assert.throws(() => requireServing(parsed(...words)), sentence);
    });
  }

  it('a prompt may be measured', () => {
    requireServing(parsed('--serve', '--measure', '--prompt', '64', '--device-profile', 'measured'));
    requireServing(parsed());
  });
});

describe('published devices', () => {
  it('have ids of their own, and ceilings of one order', () => {
    assert.equal(new Set(publishedDevices.map(({ id }) => id)).size, publishedDevices.length);
    assert.ok(publishedDevices.length >= 15);
    for (const { id, peak, bandwidth, memory = 0 } of publishedDevices) {
      const [full = 0, half = full, eighth = half] = [peak.float32, peak.float16, peak.bits8];
      assert.ok(half >= full && eighth >= half, id);
      assert.ok(bandwidth >= 1e11 && bandwidth <= 1e13 && memory >= 1e10 && memory <= 3e11, id);
    }
  });
});
