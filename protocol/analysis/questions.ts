/** What a person wants to know first, and which analysis answers it for the model and the input at hand. */
import type { AnalysisInfo } from './analysis';
import { whyNotFit, type Request } from './fit';

interface FirstQuestion {
  readonly question: string;
  /** Ids of the catalogue: the first that fits answers. */
  readonly analyses: readonly string[];
}

export const firstQuestions: readonly FirstQuestion[] = [
  {
    question: 'Which heads matter for this answer?',
    analyses: ['ablation', 'attribution', 'training-free', 'vit-visual-analytics'],
  },
  { question: 'Where does it read?', analyses: ['heads', 'labels', 'layer-agreement', 'retrieval-head'] },
  { question: 'What does it write?', analyses: ['direct-logit-attribution', 'ov-qk-circuits'] },
  {
    question: 'What carries the difference between the two prompts?',
    analyses: ['activation-patching', 'path-patching'],
  },
  {
    question: 'Which heads do the task, and do they do it alone?',
    analyses: ['circuit-discovery', 'multiple-choice'],
  },
  { question: 'How well does it answer?', analyses: ['task-accuracy'] },
  { question: 'Does it say what the picture shows?', analyses: ['vhd', 'divergence', 'captions', 'divergence-set'] },
  { question: 'Which parts of the picture does each word need?', analyses: ['relevance', 'imbalanced-attention'] },
  { question: 'Which heads do the same, and can be left out?', analyses: ['head-redundancy', 'amp'] },
  {
    question: 'Which heads can be dropped from the cache?',
    analyses: ['duoattention', 'razorattention', 'plan-evaluation', 'moa'],
  },
];

export interface Suggestion {
  readonly question: string;
  readonly analysis: AnalysisInfo;
}

/** The first questions that something answers here, each with the analysis that does. */
export function suggestions(catalogue: readonly AnalysisInfo[], request: Request): readonly Suggestion[] {
  return firstQuestions.flatMap(({ question, analyses }) => {
    const analysis = analyses
      .map((id) => catalogue.find((one) => one.id === id))
      .find((one) => one !== undefined && whyNotFit(one, request) === undefined);
    return analysis === undefined ? [] : [{ question, analysis }];
  });
}
