/** Documents with a knowledge base: what is drawn, and that knowledge is worth more where the document is short. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import {
  drawDocument,
  lengths,
  mostKnowledge,
  wordName,
} from '../../../../../diagnostics/experiments/toy-knowledge/corpus';
import { knowledgeArm, knowledgeArms } from '../../../../../diagnostics/experiments/toy-knowledge/experiment';
import { knowledgeBatch } from '../../../../../diagnostics/experiments/toy-knowledge/network';
import { trainArms } from '../../../../../diagnostics/shared/training/arms';
import { random } from '../../../../../kernels/tensors/random';

describe('toy knowledge', () => {
  it('names an entity of each topic; training documents and others have different ones; descriptions have words of the topic', () => {
    const source = random(1);
    const entities = (fresh: boolean): Set<number> =>
      new Set(
        Array.from({ length: 200 }, () => drawDocument(8, fresh, source).words)
          .flat()
          .filter((id) => wordName(id).startsWith('E')),
      );
    const [known, fresh] = [entities(false), entities(true)];
    assert.deepEqual([known.size, fresh.size], [16, 16]);
    assert.ok([...known].every((id) => !fresh.has(id)));
    for (let at = 0; at < 50; at++) {
      const { words, knowledge, labels } = drawDocument(16, at % 2 === 0, source);
      assert.equal(words.length, 16);
      const named = (of: readonly number[], kind: string): number[] =>
        [...new Set(of.map(wordName).filter((name) => name.startsWith(kind)))].map((name) => Number(name.slice(1)) - 1);
      assert.deepEqual(
        named(words, 'E').toSorted((a, b) => a - b),
        labels,
      );
      assert.deepEqual(
        named(knowledge, 'T').toSorted((a, b) => a - b),
        labels,
      );
      assert.equal(knowledge.length, 6 * labels.length);
    }
    const batch = knowledgeBatch([drawDocument(4, false, source)], {
      document: true,
      knowledge: false,
      labelAttention: true,
    });
    const sum = (of: ArrayLike<number | bigint>): number => Array.from(of, Number).reduce((a, b) => a + b, 0);
    assert.equal(sum(batch['document_mask']!.data), 4);
    assert.equal(sum(batch['knowledge_mask']!.data), 0);
    assert.equal(batch['knowledge_ids']!.data.length, mostKnowledge);
  });

  it('knowledge adds more to the F1 of the shortest documents than to that of the longest, in every run', async () => {
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const [alone, , both] = knowledgeArms.map((arm) => knowledgeArm(trainer, arm, 3));
    const running = trainArms({ trainer }, (_, act) => act(), {
      arms: [alone!, both!],
      seeds: 3,
      steps: 150,
      seed: 2,
      every: 150,
    });
    let next = await running.next();
    while (!next.done) next = await running.next();
    await trainer.close();
    const { runs } = next.value.result;
    const f1 = (arm: string, length: number): number[] =>
      runs.filter((run) => run.arm === arm).map(({ curves }) => curves.measures[`f1 of ${length}`]!.at(-1)!.value);
    const gains = (length: number): number[] =>
      f1('both', length).map((value, run) => value - f1('document', length)[run]!);
    const [short, long] = [gains(lengths[0]), gains(lengths.at(-1)!)];
    short.forEach((gain, run) => assert.ok(gain > long[run]!, `${short.join()} and ${long.join()}`));
  });
});
