/** Every analysis: one line each. */
import type { Analysis } from './analysis';
import type { Experiment } from './experiment';
import { act } from './act/analysis';
import { amp } from './amp/analysis';
import { alphaSweep } from './alpha-sweep/experiment';
import { toyLungs } from './toy-lungs/experiment';
import { toyCircuits } from './toy-circuits/experiment';
import { rfaLens } from './rfa-lens/experiment';
import { stateSizeExperiment } from './state-size/experiment';
import { toyFacts } from './toy-facts/experiment';
import { mixersLm } from './mixers-lm/experiment';
import { landmarkRecall } from './landmark-recall/experiment';
import { rcmhaLm } from './rcmha-lm/experiment';
import { cmhaLm } from './cmha-lm/experiment';
import { toyBags } from './toy-bags/experiment';
import { toyLanes } from './toy-lanes/experiment';
import { markerBag } from './marker-bag/experiment';
import { toyKnowledge } from './toy-knowledge/experiment';
import { toySessions } from './toy-sessions/experiment';
import { toyGaze } from './toy-gaze/experiment';
import { toyLifting } from './toy-lifting/experiment';
import { toyLowLight } from './toy-low-light/experiment';
import { ablation } from './ablation/analysis';
import { activationPatching } from './activation-patching/analysis';
import { mixtureOfHeads } from './moh/analysis';
import { attribution } from './attribution/analysis';
import { circuitDiscovery } from './circuit-discovery/analysis';
import { circuitReuse } from './circuit-reuse/analysis';
import { conceptHeads } from './concept-heads/analysis';
import { pathPatching } from './path-patching/analysis';
import { directLogitAttribution } from './direct-logit-attribution/analysis';
import { attentionAttribution } from './attention-attribution/analysis';
import { attentionInfluence } from './attention-influence/analysis';
import { divergenceSet } from './divergence-set/analysis';
import { divergence } from './divergence/analysis';
import { imbalancedAttention } from './imbalanced-attention/analysis';
import { finiteState } from './finite-state/analysis';
import { headRedundancy } from './head-redundancy/analysis';
import { headConcentration } from './head-concentration/analysis';
import { headSubspace } from './head-subspace/analysis';
import { duoAttentionPlan } from './duoattention/analysis';
import { factualRecall } from './factual-recall/analysis';
import { labels } from './labels/analysis';
import { multipleChoiceAnalysis } from './multiple-choice/analysis';
import { layerAgreement } from './layer-agreement/analysis';
import { ovQkCircuits } from './ov-qk-circuits/analysis';
import { blockRetrievalAnalysis } from './block-retrieval/analysis';
import { longheadsAnalysis } from './longheads/analysis';
import { planEvaluation } from './plan-evaluation/analysis';
import { qkRank } from './qk-rank/analysis';
import { saeCircuits } from './sae-circuits/analysis';
import { positionPreference } from './position-preference/analysis';
import { razorAttentionPlan } from './razorattention/analysis';
import { regionAttention } from './region-attention/analysis';
import { relevance } from './relevance/analysis';
import { retrievalHead } from './retrieval-head/analysis';
import { spanRetrieval } from './span-retrieval/analysis';
import { spectralHeads } from './spectral-heads/analysis';
import { taskAccuracy } from './task-accuracy/analysis';
import { moa } from './moa/analysis';
import { taskKv } from './task-kv/analysis';
import { visualAttentionSinks } from './var/analysis';
import { vitVisualAnalytics } from './vit-visual-analytics/analysis';
import { xEcomla } from './x-ecomla/analysis';
import { trainingFree } from './training-free/analysis';
import { zeroTuning } from './zerotuning/analysis';

export const analyses: readonly Analysis[] = [
  labels,
  divergence,
  divergenceSet,
  conceptHeads,
  imbalancedAttention,
  trainingFree,
  taskAccuracy,
  ablation,
  activationPatching,
  attribution,
  pathPatching,
  circuitDiscovery,
  circuitReuse,
  saeCircuits,
  multipleChoiceAnalysis,
  headSubspace,
  directLogitAttribution,
  attentionAttribution,
  factualRecall,
  ovQkCircuits,
  qkRank,
  finiteState,
  headConcentration,
  retrievalHead,
  spanRetrieval,
  attentionInfluence,
  zeroTuning,
  act,
  regionAttention,
  positionPreference,
  headRedundancy,
  spectralHeads,
  layerAgreement,
  vitVisualAnalytics,
  planEvaluation,
  duoAttentionPlan,
  razorAttentionPlan,
  moa,
  taskKv,
  longheadsAnalysis,
  blockRetrievalAnalysis,
  amp,
  mixtureOfHeads,
  visualAttentionSinks,
  relevance,
  xEcomla,
];

/** Those that need no model. */
export const experiments: readonly Experiment[] = [
  toyCircuits,
  toyFacts,
  rcmhaLm,
  cmhaLm,
  toyBags,
  toyLanes,
  rfaLens,
  markerBag,
  toyKnowledge,
  toySessions,
  alphaSweep,
  toyLungs,
  mixersLm,
  stateSizeExperiment,
  landmarkRecall,
  toyGaze,
  toyLifting,
  toyLowLight,
];
