/** Episodes of three sessions: links, ranks by hand, and a joint space that is learned. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import { Things, units } from '../../../../../diagnostics/experiments/toy-sessions/episodes';
import { sessionsArm } from '../../../../../diagnostics/experiments/toy-sessions/experiment';
import { ranksOf, readEpisode, width } from '../../../../../diagnostics/experiments/toy-sessions/network';
import { trainArms } from '../../../../../diagnostics/shared/training/arms';
import { random } from '../../../../../kernels/tensors/random';

describe('toy sessions', () => {
  const episode = new Things(1).episode(random(2));

  it('asks for each unit through the other modality; what only refers is answered by a unit of the first session', () => {
    const referring = episode.units.filter(({ refersTo }) => refersTo !== undefined);
    assert.equal(referring.length, 3);
    for (const { session, refersTo } of referring) {
      assert.equal(session, 2);
      assert.equal(episode.units[refersTo!]!.session, 1);
    }
    episode.questions.forEach(({ modality, about, answer }) => {
      assert.notEqual(modality, episode.units[about]!.modality);
      assert.equal(answer, episode.units[about]!.refersTo ?? about);
    });
  });

  it('with a perfect space every question is answered with links; without them all but those that refer; a window has half', () => {
    const axis = (at: number): readonly number[] => Array.from({ length: width }, (_, c) => (c === at ? 1 : 0));
    const rows = Array.from({ length: units }, (_, at) => axis(at));
    const { weights } = readEpisode(episode, [...rows, ...rows]);
    const right = (reader: keyof typeof weights): number =>
      ranksOf(episode, weights[reader]).filter((rank) => rank === 1).length;
    assert.deepEqual([right('links'), right('memory'), right('window')], [12, 9, 3]);
  });

  it('after training things are found through the other modality for more than 95 % of the questions, before it near chance', async () => {
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const running = trainArms({ trainer }, (_, act) => act(), {
      arms: [sessionsArm(trainer, 4)],
      seeds: 1,
      steps: 300,
      seed: 6,
      every: 300,
    });
    let next = await running.next();
    while (!next.done) next = await running.next();
    await trainer.close();
    const { measures } = next.value.result.runs[0]!.curves;
    const at = (name: string): number => measures[name]!.at(-1)!.value;
    // A quarter of the units do not answer themselves: 0.75 is all that can be right without links.
    assert.ok(at('recall memory') > 0.95 * 0.75, `${at('recall memory')}`);
    assert.ok(at('recall memory untrained') < 0.2, `${at('recall memory untrained')}`);
    assert.ok(at('recall links') > 0.9, `${at('recall links')}`);
  });
});
