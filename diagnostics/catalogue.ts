/** Every analysis: one line each. */
import type { Analysis } from './analysis';
import type { Experiment } from './experiment';
import { act } from './interventions/act/analysis';
import { amp } from './plans/amp/analysis';
import { alphaSweep } from './experiments/alpha-sweep/experiment';
import { toyLungs } from './experiments/toy-lungs/experiment';
import { toyCircuits } from './experiments/toy-circuits/experiment';
import { rfaLens } from './experiments/rfa-lens/experiment';
import { stateSizeExperiment } from './experiments/state-size/experiment';
import { toyFacts } from './experiments/toy-facts/experiment';
import { mixersLm } from './experiments/mixers-lm/experiment';
import { landmarkRecall } from './experiments/landmark-recall/experiment';
import { rcmhaLm } from './experiments/rcmha-lm/experiment';
import { cmhaLm } from './experiments/cmha-lm/experiment';
import { toyBags } from './experiments/toy-bags/experiment';
import { toyLanes } from './experiments/toy-lanes/experiment';
import { markerBag } from './experiments/marker-bag/experiment';
import { toyKnowledge } from './experiments/toy-knowledge/experiment';
import { toySessions } from './experiments/toy-sessions/experiment';
import { toyGaze } from './experiments/toy-gaze/experiment';
import { toyLifting } from './experiments/toy-lifting/experiment';
import { toyLowLight } from './experiments/toy-low-light/experiment';
import { ablation } from './circuits/ablation/analysis';
import { activationPatching } from './circuits/activation-patching/analysis';
import { mixtureOfHeads } from './plans/moh/analysis';
import { attribution } from './circuits/attribution/analysis';
import { circuitDiscovery } from './circuits/circuit-discovery/analysis';
import { circuitReuse } from './circuits/circuit-reuse/analysis';
import { conceptHeads } from './vision/concept-heads/analysis';
import { pathPatching } from './circuits/path-patching/analysis';
import { directLogitAttribution } from './circuits/direct-logit-attribution/analysis';
import { attentionAttribution } from './circuits/attention-attribution/analysis';
import { attentionInfluence } from './retrieval/attention-influence/analysis';
import { divergenceSet } from './vision/divergence-set/analysis';
import { divergence } from './vision/divergence/analysis';
import { imbalancedAttention } from './vision/imbalanced-attention/analysis';
import { expertUse } from './patterns/expert-use/analysis';
import { headIndex } from './patterns/head-index/analysis';
import { finiteState } from './patterns/finite-state/analysis';
import { headRedundancy } from './patterns/head-redundancy/analysis';
import { headConcentration } from './patterns/head-concentration/analysis';
import { dictionaryFeatures } from './circuits/dictionary-features/analysis';
import { headSubspace } from './circuits/head-subspace/analysis';
import { duoAttentionPlan } from './plans/duoattention/analysis';
import { factualRecall } from './circuits/factual-recall/analysis';
import { heads } from './patterns/heads/analysis';
import { labels } from './patterns/labels/analysis';
import { multipleChoiceAnalysis } from './circuits/multiple-choice/analysis';
import { pope } from './vision/pope/analysis';
import { layerAgreement } from './vision/layer-agreement/analysis';
import { ovQkCircuits } from './circuits/ov-qk-circuits/analysis';
import { blockRetrievalAnalysis } from './plans/block-retrieval/analysis';
import { longheadsAnalysis } from './plans/longheads/analysis';
import { planEvaluation } from './plans/plan-evaluation/analysis';
import { qkRank } from './circuits/qk-rank/analysis';
import { saeCircuits } from './circuits/sae-circuits/analysis';
import { adapterHeads } from './patterns/adapter-heads/analysis';
import { quantisationDamage } from './patterns/quantisation-damage/analysis';
import { positionPreference } from './patterns/position-preference/analysis';
import { razorAttentionPlan } from './plans/razorattention/analysis';
import { regionAttention } from './interventions/region-attention/analysis';
import { relevance } from './vision/relevance/analysis';
import { retrievalHead } from './retrieval/retrieval-head/analysis';
import { spanRetrieval } from './retrieval/span-retrieval/analysis';
import { spectralHeads } from './patterns/spectral-heads/analysis';
import { taskAccuracy } from './circuits/task-accuracy/analysis';
import { moa } from './plans/moa/analysis';
import { taskKv } from './plans/task-kv/analysis';
import { visualAttentionSinks } from './vision/var/analysis';
import { vitVisualAnalytics } from './vision/vit-visual-analytics/analysis';
import { xEcomla } from './plans/x-ecomla/analysis';
import { trainingFree } from './vision/training-free/analysis';
import { crossAlignment } from './patterns/cross-alignment/analysis';
import { zeroTuning } from './interventions/zerotuning/analysis';

export const analyses: readonly Analysis[] = [
  heads,
  labels,
  divergence,
  divergenceSet,
  pope,
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
  dictionaryFeatures,
  directLogitAttribution,
  attentionAttribution,
  factualRecall,
  ovQkCircuits,
  qkRank,
  expertUse,
  headIndex,
  finiteState,
  headConcentration,
  retrievalHead,
  spanRetrieval,
  attentionInfluence,
  zeroTuning,
  act,
  regionAttention,
  quantisationDamage,
  adapterHeads,
  positionPreference,
  headRedundancy,
  spectralHeads,
  crossAlignment,
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
  toyCircuits(circuitReuse),
  toyFacts(factualRecall),
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
