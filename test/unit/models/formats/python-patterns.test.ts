import assert from 'node:assert/strict';
import { matchesSome } from '../../../../models/formats/python-patterns';

describe('patterns of people', () => {
  const name = 'model.layers.0.self_attn.q_proj';
  const long = 'a'.repeat(100);
  const rows: readonly (readonly [pattern: string, names: readonly string[], answer: string])[] = [
    ['.*\\.(q_proj|v_proj)', [name], 'yes'],
    ['(?P<start>.*)\\.q_proj', [name], 'yes'],
    ['q_proj', [name], 'no'],
    ['(', [name], 'unknown'],
    // Each of these would run for longer than the sun has left.
    ['(a+)+b', [long], 'too-long'],
    [`${'(a|a)'.repeat(40)}b`, [long], 'too-long'],
    [`${'a?'.repeat(60)}${'a'.repeat(60)}b`, [long], 'too-long'],
    [`${'.*'.repeat(30)}x`, [long], 'too-long'],
  ];
  for (const [pattern, names, answer] of rows) {
    it(`${pattern.slice(0, 40)}: ${answer}`, () => assert.equal(matchesSome(pattern, names), answer));
  }
});
