import type { AnalysisGroup } from '../../../protocol/analysis/analysis';

const titles: Readonly<Record<AnalysisGroup, string>> = {
  patterns: 'Patterns',
  retrieval: 'Retrieval',
  circuits: 'Circuits',
  facts: 'Facts',
  vision: 'Vision',
  interventions: 'Interventions',
  plans: 'Plans',
  training: 'Training',
};

export const groupTitle = (group: AnalysisGroup): string => titles[group];
