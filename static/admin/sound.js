/** Sound: two short tones, made by the browser. Browsers allow them only after somebody has used the page. */

const HIGH = [880, 1175]; // hertz: something needs attention
const LOW = [440, 330]; // the page no longer follows what happens
const TONE_SECONDS = 0.18;
const LOUDNESS = 0.25;

export class Sound {
  #context = null;

  /** Whether the browser can make sounds at all. */
  get isPossible() {
    return typeof AudioContext === "function";
  }

  get isAllowed() {
    return this.#context?.state === "running";
  }

  /** To be called while a click or a key press is handled. */
  async allow() {
    if (!this.isPossible) return;
    this.#context ??= new AudioContext();
    if (this.#context.state !== "running") await this.#context.resume();
  }

  play({ isLow = false } = {}) {
    if (!this.isAllowed) return;
    for (const [place, frequency] of (isLow ? LOW : HIGH).entries()) this.#tone(frequency, place * TONE_SECONDS);
  }

  #tone(frequency, after) {
    const context = this.#context;
    const begin = context.currentTime + after;
    const end = begin + TONE_SECONDS;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.02); // without a ramp, it would click
    volume.gain.linearRampToValueAtTime(0, end);
    tone.connect(volume);
    volume.connect(context.destination);
    tone.start(begin);
    tone.stop(end);
  }
}
