import { bigBird } from './bert';
import { albert, clapText, dpr, electra, layoutLmV3, longformer, mpnet } from './bert-relatives';
import { siglip2Vision } from './clip';
import { efficientNet, mobileNetV2, resnet } from './convolutions';
import { deberta, debertaV2 } from './deberta';
import { gla } from './gla';
import { gte } from './gte';
import { bamba, falconH1, graniteMoeHybrid, zamba2 } from './hybrid';
import { lfm2, lfm2Moe } from './lfm2';
import { falconMamba } from './mamba';
import { mamba2 } from './mamba2';
import { nemotronH } from './nemotron-h';
import { recurrentGemma } from './recurrent-gemma';
import { reformer } from './reformer';
import { rwkv, rwkv5, rwkv6 } from './rwkv';
import { segformer } from './segformer';
import { hubert, wav2vec2, wav2vec2Conformer, wavLm } from './speech';
import { clapAudio, donutSwin, swin, swinV2 } from './swin';
import { dinov2WithRegisters } from './vision';
import { beit, vitMae } from './vit-relatives';
import { xlnet } from './xlnet';
import type { StackFamily } from './family';

/** Decoders that keep a state, in all of their layers or in most. */
export const recurrentStacks: readonly StackFamily[] = [
  falconMamba,
  mamba2,
  nemotronH,
  bamba,
  falconH1,
  graniteMoeHybrid,
  zamba2,
  lfm2,
  lfm2Moe,
  rwkv,
  rwkv5,
  rwkv6,
  gla,
  recurrentGemma,
];

/** Encoders of text beyond BERT and its first relatives. */
export const encoderStacks: readonly StackFamily[] = [
  bigBird,
  electra,
  albert,
  mpnet,
  dpr,
  longformer,
  layoutLmV3,
  deberta,
  debertaV2,
  xlnet,
  reformer,
  gte,
  clapText,
];

/** Encoders of images and sound beyond ViT and CLIP. */
export const towerStacks: readonly StackFamily[] = [
  dinov2WithRegisters,
  beit,
  vitMae,
  swin,
  swinV2,
  donutSwin,
  segformer,
  resnet,
  mobileNetV2,
  efficientNet,
  wav2vec2,
  wav2vec2Conformer,
  hubert,
  wavLm,
  clapAudio,
  siglip2Vision,
];
