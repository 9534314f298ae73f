/** What errors are planted in, and the tests that should see them. */
import { createHash } from 'node:crypto';
import type { Mutant } from './instrument';
import { constantsNamed, plantIn, withConstants, type Planted, type Project } from './project';
import { startWorker, testFiles, writeBundle } from './workers';

export interface Subject {
  readonly id: string;
  /** Below the root. */
  readonly folders: readonly string[];
  /** Folders or files of tests, in the order in which they are tried. */
  readonly stages: readonly string[];
  /** The errors to plant, of `count` places drawn by `seed` where not all are taken. */
  plant(project: Project, draw: { seed: number; count: number }): Promise<Planted>;
}

export const anHour = () => 3_600_000;

/** Every error in what the float64 reference of a mechanism and its graph share. */
const kernels: Subject = {
  id: 'kernels',
  folders: ['kernels'],
  // Expected values first, the slow law of decoding last.
  stages: [
    'test/laws/kernels/expected',
    'test/laws/kernels/systems',
    'test/unit/kernels',
    'test/laws/kernels/decode.test.ts',
  ],
  async plant(project) {
    const shared = await sharedPlaces(project);
    return plantIn(project, (place) => shared.has(place.id));
  },
};

/** The numbers of places that both run: found by running them (reached.ts). */
async function sharedPlaces(project: Project): Promise<ReadonlySet<number>> {
  const { texts } = plantIn(project, () => false);
  const entries = [...testFiles(kernels.stages[0]!), 'test/mutations/reached.ts'];
  const worker = await startWorker(project.places.length, await writeBundle(entries, texts, 'plain'));
  const answer = await worker.ask({ kind: 'reached' }, anHour);
  worker.end();
  if (typeof answer === 'string' || answer.kind !== 'reached')
    throw new Error('What is shared could not be found: see out/mutations/workers.log.');
  const named = constantsNamed(project);
  const shared = new Set<number>();
  for (const { reference, build } of answer.reached) {
    const ofBuild = withConstants(named, build);
    for (const id of withConstants(named, reference)) if (ofBuild.has(id)) shared.add(id);
  }
  return shared;
}

/**
 * One error in each of `count` functions and constants: those whose hash with the seed is least, so that a change elsewhere leaves
 * the others as they were.
 */
const drawn = (id: string, folders: readonly string[], stages: readonly string[]): Subject => ({
  id,
  folders,
  stages,
  plant(project, { seed, count }) {
    const hashOf = ({ place, text, before, after }: Mutant): string =>
      createHash('sha256').update([seed, place.file, place.name, text, before, after].join('\0')).digest('hex');
    const least = new Map<number, { hash: string; mutant: Mutant }>();
    for (const mutant of plantIn(project, () => true).mutants) {
      const hash = hashOf(mutant);
      const before = least.get(mutant.place.id);
      if (before === undefined || hash < before.hash) least.set(mutant.place.id, { hash, mutant });
    }
    const chosen = new Set(
      [...least.values()]
        .sort((a, b) => (a.hash < b.hash ? -1 : 1))
        .slice(0, count)
        .map(({ hash }) => hash),
    );
    const places = new Set([...least].filter(([, { hash }]) => chosen.has(hash)).map(([place]) => place));
    const { texts, mutants } = plantIn(project, ({ id: place }) => places.has(place));
    return Promise.resolve({ texts, mutants: mutants.filter((mutant) => chosen.has(hashOf(mutant))) });
  },
});

export const subjects: readonly Subject[] = [
  kernels,
  drawn('diagnostics', ['diagnostics'], ['test/unit/diagnostics', 'test/laws/analyses']),
  drawn('estimates', ['models/formats/estimates'], ['test/unit/models/formats', 'test/unit/language-server']),
  drawn('rules', ['language-server/service/rules'], ['test/unit/language-server']),
];
