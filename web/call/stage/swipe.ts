// A finger that goes across the stage turns its pages.

/** Shorter than this, or more up and down than across, is no swipe. */
const LEAST_PX = 56;

/** For `{@attach}`. `turn` gets 1 for the next page, -1 for the one before, in the direction of writing. */
export function swipe(turn: (by: 1 | -1) => void): (stage: HTMLElement) => () => void {
  return (stage) => {
    let from: { id: number; x: number; y: number } | null = null;
    const down = (event: PointerEvent) => {
      // A second finger makes it something else.
      from = event.pointerType === "touch" && event.isPrimary ? { id: event.pointerId, x: event.clientX, y: event.clientY } : null;
    };
    const up = (event: PointerEvent) => {
      if (from?.id !== event.pointerId) return;
      const across = event.clientX - from.x;
      const along = Math.abs(event.clientY - from.y);
      from = null;
      if (Math.abs(across) < LEAST_PX || Math.abs(across) < along * 2) return;
      turn(across < 0 === (getComputedStyle(stage).direction === "ltr") ? 1 : -1);
    };
    const cancel = () => (from = null);
    stage.addEventListener("pointerdown", down);
    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", cancel);
    return () => {
      stage.removeEventListener("pointerdown", down);
      stage.removeEventListener("pointerup", up);
      stage.removeEventListener("pointercancel", cancel);
    };
  };
}
