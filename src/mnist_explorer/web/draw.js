// A sheet of paper to draw a digit on, with mouse, pen or finger.
export default function ({parentElement, setTriggerValue}) {
  const root = parentElement.querySelector(".draw"), canvas = root.querySelector("canvas");
  if (canvas.ready) { canvas.send = setTriggerValue; return; }
  Object.assign(canvas, {ready: true, send: setTriggerValue, width: 280, height: 280});
  const context = canvas.getContext("2d");
  const clear = () => { context.fillStyle = "#fff"; context.fillRect(0, 0, 280, 280); };
  clear();
  Object.assign(context, {lineWidth: 24, lineCap: "round", lineJoin: "round", strokeStyle: "#000"});
  const at = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * 280 / box.width, (event.clientY - box.top) * 280 / box.height];
  };
  let before = null;
  const line = event => {
    const now = at(event);
    context.beginPath(); context.moveTo(...before); context.lineTo(...now); context.stroke();
    before = now;
  };
  canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId); before = at(event); line(event); };
  canvas.onpointermove = event => { if (before) line(event); };
  canvas.onpointerup = canvas.onpointercancel = () => { before = null; };
  root.querySelector("[data-do=clear]").onclick = clear;
  root.querySelector("[data-do=send]").onclick = () => canvas.send("drawn", canvas.toDataURL("image/png"));
}
