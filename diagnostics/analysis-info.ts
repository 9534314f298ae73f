/** What is said of an analysis where its code is not: in the panel, the palette, the tree, the command line. */
import type { AnalysisInfo } from '../protocol/analysis/analysis';
import type { Analysis } from './analysis';
import type { Experiment } from './experiment';

/** Not a part of what is said; an analysis file tells these later. */
type Told = 'supports' | 'estimate' | 'stopped' | 'finding' | 'sections' | 'compare' | 'offers' | 'result';

export const infoOf = ({
  id,
  title,
  question,
  group,
  source,
  inputs,
  parameters,
  ...more
}: Omit<Analysis, Told> | Experiment): AnalysisInfo => ({
  id,
  title,
  question,
  group,
  source,
  inputs,
  parameters,
  ...(more.usualTask ? { usualTask: more.usualTask } : {}),
  ...(more.files ? { files: more.files } : {}),
  ...(more.exactWeights ? { exactWeights: more.exactWeights } : {}),
  ...(more.readsPictures ? { readsPictures: more.readsPictures } : {}),
  ...('readsMaps' in more && more.readsMaps ? { readsMaps: more.readsMaps } : {}),
  ...(more.sources ? { sources: more.sources } : {}),
  ...('converts' in more && more.converts ? { converts: more.converts } : {}),
  ...('trains' in more ? { trains: more.trains } : {}),
});
