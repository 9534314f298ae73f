import assert from 'node:assert/strict';
import { compare } from '../../../diagnostics/circuits/ablation/compare';
import type { AblationResult } from '../../../diagnostics/circuits/ablation/result';
import { changedDocuments } from '../../../extension/panels/workbench/changed-documents';
import { changesBetween } from '../../../extension/panels/workbench/changes';
import type { AnalysisResult, CorpusRead } from '../../../protocol/analysis/schema';
import { FailureError, refusal } from '../../../protocol/wire/failures';

describe('changes between two results of an analysis', () => {
  it('are the result on show less the other one, and say so', async () => {
    const of = (heads: AblationResult['heads']): AnalysisResult =>
      ({ result: { metric: 'loss', heads } }) as unknown as AnalysisResult;
    const shown = of([[0.75, 0]]);
    const earlier = of([[0.5, 1]]);
    const server = {
      compareAnalyses: (a: AnalysisResult, b: AnalysisResult) =>
        Promise.resolve(compare(a.result as AblationResult, b.result as AblationResult)),
    };
    const [section] = await changesBetween(
      { server, codeOf: () => Promise.reject(new Error('not asked')) },
      shown,
      earlier,
    );
    assert.ok(section?.kind === 'heads');
    assert.deepEqual(section.numbers[0]?.values, [[0.25, -1]]);
    assert.match(section.title, /this result less the other/);
  });

  it('are those that the code of its file says; where it may not, the reason stands in their place', async () => {
    const of = (sha256: string): AnalysisResult =>
      ({ file: { path: '/w/a.headscope-analysis.ts', sha256 } }) as unknown as AnalysisResult;
    const code = { file: [{ file: '/w/a.headscope-analysis.ts', root: '/w' }] };
    const given: unknown[] = [];
    const asks: boolean[] = [];
    const services = (why?: Error) => ({
      server: {
        compareAnalyses: (...[, , with_]: readonly unknown[]) => {
          given.push(with_);
          return Promise.resolve([]);
        },
      },
      codeOf: (_: unknown, may: boolean) => {
        asks.push(may);
        return why ? Promise.reject(why) : Promise.resolve(code);
      },
    });
    await changesBetween(services(), of('a'), of('a'));
    // The server says that these are of two versions.
    await changesBetween(services(), of('a'), of('b'));
    assert.deepEqual([given, asks], [[code, undefined], [true]]);
    const why = 'It is not here.';
    const refused = new FailureError({ code: 'kernel-file', detail: why, sentence: why });
    const [section] = await changesBetween(services(refused), of('a'), of('a'));
    assert.ok(section?.kind === 'text');
    assert.deepEqual(section.paragraphs, [why]);
    await assert.rejects(changesBetween(services(new Error('no luck')), of('a'), of('a')), /no luck/);
    assert.equal(given.length, 2);
  });
});

describe('documents that have changed since a result was made', () => {
  const made = {
    input: { kind: 'corpus', file: '/texts/mine.jsonl' },
    corpus: { sha256: 'aa', documents: 62 },
  } as const;
  const now = (found: CorpusRead | Error, refused?: string) =>
    changedDocuments(made, {
      refusal: (path) => {
        assert.equal(path, made.input.file);
        return refused;
      },
      corpusOf: () => (found instanceof Error ? Promise.reject(found) : Promise.resolve(found)),
    });

  it('are said in a sentence', async () => {
    const again = 'Run it again to read it as it is now.';
    assert.equal(
      await now({ sha256: 'bb', documents: 1 }),
      `mine.jsonl has changed since this result was made: it had 62 documents, and has 1 now. ${again}`,
    );
    assert.equal(
      await now({ sha256: 'bb', documents: 62 }),
      `mine.jsonl has changed since this result was made. ${again}`,
    );
    assert.equal(
      await now(refusal('/texts/mine.jsonl cannot be read')),
      'mine.jsonl cannot be read any more. What is shown is of its documents as they were.',
    );
  });

  it('are not said where they are the same or nobody can know', async () => {
    assert.equal(await now({ sha256: 'aa', documents: 62 }), undefined);
    assert.equal(await now(new FailureError({ code: 'compute-restarted', detail: 'killed' })), undefined);
    assert.equal(await now(new Error('must not be asked'), 'on another machine'), undefined);
    const asked = { refusal: () => undefined, corpusOf: () => Promise.reject(new Error('must not be asked')) };
    assert.equal(await changedDocuments({ input: made.input }, asked), undefined);
    assert.equal(await changedDocuments({ input: { kind: 'none' }, corpus: made.corpus }, asked), undefined);
  });
});
